"""Labels of methods and repairs, and their order."""

from multirun_analysis.records.labels import matching_labels, method_order, repair_labels, repair_order


def test_labels_name_the_settings_that_differ_and_only_where_they_do():
    entries = [
        {"matching": "weights", "settings_hash": "1", "settings": {"biases": False, "transport": "emd"}},
        {"matching": "weights", "settings_hash": "2", "settings": {"biases": True, "transport": "emd"}},
        {"matching": "identity", "settings_hash": "3", "settings": {}},
    ]
    assert matching_labels(entries) == {
        ("weights", "1"): "weights[biases=false]",
        ("weights", "2"): "weights[biases=true]",
        ("identity", "3"): "identity",
    }


def test_repairs_have_labels_as_methods_do_and_networks_as_they_are_have_none():
    entries = [{"repair": "none", "repair_hash": "f91871fb", "settings": {}}]
    entries += [{"repair": "repair", "repair_hash": str(k), "settings": {"examples": 100 * k}} for k in (1, 2)]
    assert repair_labels(entries) == {
        ("none", "f91871fb"): "none",
        ("repair", "1"): "repair[examples=100]",
        ("repair", "2"): "repair[examples=200]",
    }
    assert sorted(["reset", "none", "average"], key=repair_order) == ["none", "average", "reset"]


def test_the_control_stands_first_then_the_papers_methods_then_the_others_by_name():
    names = ["weights[biases=true]", "zebra", "activations", "identity", "weights[biases=false]", "annealing", "covariance"]
    expected = ["identity", "weights[biases=false]", "weights[biases=true]", "covariance", "activations", "annealing", "zebra"]
    assert sorted(names, key=method_order) == expected
