"""Counters for `/metrics`, in a registry of their own, so that two servers in one process do not share them."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest


class Metrics:
    """What an operator watches. Names follow the Prometheus conventions."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.connections = Gauge("ohlora_connections", "open connections", registry=self.registry)
        self.frames = Counter("ohlora_frames_total", "frames from clients", ["type"], registry=self.registry)
        self.errors = Counter("ohlora_errors_total", "errors sent to clients", ["code"], registry=self.registry)
        self.turns = Counter("ohlora_turns_total", "turns ended", ["reason"], registry=self.registry)
        self.live_turns = Gauge("ohlora_live_turns", "turns being written", registry=self.registry)
        self.first_word = Histogram(
            "ohlora_first_word_seconds", "from the stored request to the first word",
            buckets=(0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8), registry=self.registry,
        )  # fmt: skip
        self.commit = Histogram(
            "ohlora_commit_seconds", "a batch of writes going to disk",
            buckets=(0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.128, 0.256), registry=self.registry,
        )  # fmt: skip
        self.recall = Histogram(
            "ohlora_recall_seconds", "what recalling memories adds to a turn",
            buckets=(0.002, 0.005, 0.01, 0.02, 0.04, 0.08, 0.16, 0.3), registry=self.registry,
        )  # fmt: skip
        self.recalls = Counter(
            "ohlora_recalls_total", "recalls by outcome: found, nothing, late, loading, failed", ["outcome"],
            registry=self.registry,
        )  # fmt: skip
        self.remembered = Counter(
            "ohlora_memories_total", "memories taken from what users said", registry=self.registry
        )
        self.face_watchers = Gauge(
            "ohlora_face_watchers", "connections that her face is sent to", registry=self.registry
        )
        self.face_frames = Counter(
            "ohlora_face_frames_total",
            "frames of her face by outcome: sent, dropped",
            ["outcome"],
            registry=self.registry,
        )
        self.face_render = Histogram(
            "ohlora_face_render_seconds", "one pass of the face generator",
            buckets=(0.005, 0.01, 0.02, 0.03, 0.05, 0.08, 0.13, 0.2, 0.4, 0.8), registry=self.registry,
        )  # fmt: skip
        self.face_batch = Histogram(
            "ohlora_face_batch", "faces drawn in one pass", buckets=(1, 2, 4, 8, 16, 32, 64), registry=self.registry
        )
        self.face_delay = Histogram(
            "ohlora_face_delay_seconds", "from a feeling that is stored to the first frame that shows it",
            buckets=(0.02, 0.04, 0.06, 0.08, 0.1, 0.15, 0.2, 0.4, 0.8), registry=self.registry,
        )  # fmt: skip
        self.commit_jobs = Counter("ohlora_commit_jobs_total", "writes that went to disk", registry=self.registry)

    def on_batch(self, jobs: int, seconds: float) -> None:
        self.commit.observe(seconds)
        self.commit_jobs.inc(jobs)

    def render(self) -> bytes:
        return generate_latest(self.registry)
