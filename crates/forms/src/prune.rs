//! JSON without what is not known.

use serde_json::Value;

/// Removes nulls, and the lists and objects that have nothing else, at every depth.
///
/// OCSF and ECS have no nulls: a field that is not known is absent.
pub(crate) fn prune(value: Value) -> Value {
    match value {
        Value::Array(items) => Value::Array(items.into_iter().map(prune).filter(is_known).collect()),
        Value::Object(fields) => Value::Object(
            fields.into_iter().map(|(key, value)| (key, prune(value))).filter(|(_, v)| is_known(v)).collect(),
        ),
        other => other,
    }
}

fn is_known(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Array(items) => !items.is_empty(),
        Value::Object(fields) => !fields.is_empty(),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_not_known_is_absent() {
        let value = json!({"a": null, "b": {"c": null, "d": []}, "e": [null, 0, "", false], "f": {"g": 1}});
        assert_eq!(prune(value), json!({"e": [0, "", false], "f": {"g": 1}}));
    }
}
