"""What is written is read back as it was meant, by the official parser."""

import pytest
from prometheus_client.parser import text_string_to_metric_families

from sylph_mp.control import prometheus_text as text


@pytest.mark.parametrize("value", ["orders", 'a "b"', "a\\b", "a\nb", "ä{}=,"])
def test_labels_are_read_back(value):
    labels = (("topic", value), ("kind", "NORMAL"))
    page = f"{text.head('sylph_x', 'gauge', 'Some.')}\n{text.line('sylph_x', labels, 2)}\n"
    [family] = text_string_to_metric_families(page)
    assert (family.type, family.documentation) == ("gauge", "Some.")
    [sample] = family.samples
    assert (sample.labels, sample.value) == (dict(labels), 2.0)


@pytest.mark.parametrize("value", [0, 3, 0.1, 1e-9, 1e22, -4.5, 2**53])
def test_numbers_are_read_back(value):
    [family] = text_string_to_metric_families(f"{text.head('x', 'gauge', 'x')}\n{text.line('x', (), value)}\n")
    assert family.samples[0].value == value
