"""Plots come as data: nothing in them loads, and their JSON is bounded."""

from __future__ import annotations

from typing import Any

from jupyter_remote_gpu.magic.untrusted.plots import as_data, is_plot

VEGA = "application/vnd.vegalite.v5+json"
PLOTLY = "application/vnd.plotly.v1+json"


def test_the_usual_plots_are_known_and_others_are_not() -> None:
    known = [PLOTLY, VEGA, "application/vnd.vega.v5+json", "application/geo+json"]
    assert all(map(is_plot, known))
    others = [
        "application/vnd.bokehjs_exec.v0+json",
        "application/vnd.vega.v5+json; x",
        "text/html",
    ]
    assert not any(map(is_plot, others))


def test_a_vega_plot_keeps_its_data_and_loses_its_addresses() -> None:
    spec: dict[str, Any] = {
        "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
        "data": {"values": [{"a": 1}]},
        "mark": "bar",
        "usermeta": {"embedOptions": {"loader": {"baseURL": "https://evil.example"}}},
        "layer": [{"data": {"url": "/api/contents/secret.ipynb"}}],
        "encoding": {"url": {"field": "a"}, "x": {"field": "a", "type": "quantitative"}},
    }
    found, lost = as_data(VEGA, spec)
    assert lost
    assert found["data"] == {"values": [{"a": 1}]}
    assert found["layer"] == [{"data": {}}]
    assert found["encoding"] == {"x": {"field": "a", "type": "quantitative"}}
    assert "usermeta" not in found


def test_a_plotly_figure_keeps_its_data_and_harmless_settings() -> None:
    picture = "data:image/png;base64,aaaa"
    figure = {
        "data": [{"x": [1, 2], "y": [3, 4], "type": "bar"}],
        "layout": {"images": [{"source": "https://evil.example/b"}, {"source": picture}]},
        "config": {"responsive": True, "plotlyServerURL": "https://evil.example", "showLink": True},
    }
    found, lost = as_data(PLOTLY, figure)
    assert lost
    assert found["data"] == figure["data"]
    assert found["layout"] == {"images": [{}, {"source": picture}]}
    assert found["config"] == {"responsive": True}
    assert as_data(PLOTLY, {"data": [{"x": [1]}], "layout": {}}) == (
        {"data": [{"x": [1]}], "layout": {}},
        False,
    )


def test_a_maps_properties_are_no_html() -> None:
    found, _ = as_data("application/geo+json", {"properties": {"<img onerror=1>": "<script>"}})
    assert "<" not in str(found)


def test_json_that_is_too_deep_or_too_much_is_no_plot() -> None:
    deep: Any = []
    for _ in range(1000):
        deep = [deep]
    values: list[Any] = [{"data": deep}, {"data": [0] * 3_000_000}, "text", 5, None, []]
    for value in values:
        assert as_data(VEGA, value)[0] is None
