"""What has gone wrong elsewhere, each with the test that it does not go wrong here."""
