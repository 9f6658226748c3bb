"""How often something may happen."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from muxs2s.network.buckets import TokenBucket


class TokenBucketTests(SynchronousTestCase):
    """Tokens that come back."""

    def taken(self, bucket: TokenBucket, now: float, tries: int = 100) -> int:
        """How many tokens there are at a time."""
        return sum(bucket.take(now) for _ in range(tries))

    def test_burst(self) -> None:
        """At the beginning there are as many as there may be, and not one more."""
        self.assertEqual(5, self.taken(TokenBucket(2.0, 5, 0.0), 0.0))

    def test_rate(self) -> None:
        """They come back at the rate, one at a time."""
        bucket = TokenBucket(2.0, 5, 0.0)
        self.taken(bucket, 0.0)
        self.assertEqual([0, 1, 0, 2], [self.taken(bucket, now) for now in (0.25, 0.5, 0.75, 1.5)])

    def test_next(self) -> None:
        """It is known when there will be a token again."""
        bucket = TokenBucket(2.0, 5, 0.0)
        self.assertEqual(0.0, bucket.seconds_to_next)
        self.taken(bucket, 0.0)
        self.assertEqual(0.5, bucket.seconds_to_next)
        self.assertEqual([False, True], [bucket.take(now) for now in (0.49, 0.5)])

    def test_full(self) -> None:
        """However long nothing happens, there are never more than the burst."""
        bucket = TokenBucket(2.0, 5, 0.0)
        self.taken(bucket, 0.0)
        self.assertEqual(5, self.taken(bucket, 1_000_000.0))

    def test_clock_set_back(self) -> None:
        """A clock that is set back gives nothing, and tokens come back from there on."""
        bucket = TokenBucket(1.0, 5, 1_000.0)
        self.taken(bucket, 1_000.0)
        self.assertEqual([0, 1], [self.taken(bucket, now) for now in (500.0, 501.0)])
