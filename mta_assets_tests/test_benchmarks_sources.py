"""The benchmark of source detection runs and compares like with like."""

from benchmarks import bench_sources


def test_source_detection_is_measured_beside_astropy_a_copy_and_more_events() -> None:
    speed, copy, memory = bench_sources.run(events=120_000, repeats=1, memory=(1, 1))
    assert speed.value > 0
    assert speed.beside_value is not None
    assert speed.beside_value > speed.value
    assert copy.ratio is not None
    assert copy.ratio > 1
    assert memory.reached


def test_the_events_are_the_same_each_time() -> None:
    first, again = ([x.sum() for x, _ in bench_sources.blocks(150_000)] for _ in range(2))
    assert first == again
