//! Comparison of settings that were requested with those that the server echoes.
//!
//! A server silently drops settings that it does not know. So after each creation its echo is compared
//! with the request.

use serde::Serialize;
use serde_json::Value;

/// Returns the settings in which `echoed` is not as `asked`, each as `name: asked …, got …`. Empty if the
/// server took everything.
pub(crate) fn config_mismatches(asked: &impl Serialize, echoed: &impl Serialize) -> Vec<String> {
    let (Ok(Value::Object(asked)), Ok(Value::Object(echoed))) =
        (serde_json::to_value(asked), serde_json::to_value(echoed))
    else {
        return vec!["settings that are no object".to_owned()];
    };
    asked
        .iter()
        .filter(|(_, value)| !value.is_null())
        .filter_map(|(name, value)| {
            let got = echoed.get(name).unwrap_or(&Value::Null);
            (got != value).then(|| format!("`{name}`: asked {value}, got {got}"))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::config_mismatches;

    #[test]
    fn a_setting_that_the_server_dropped_is_named() {
        let asked = json!({ "ack_wait": 30, "filter_subjects": ["a", "b"], "unset": null });
        let echoed = json!({ "ack_wait": 30, "more": true });
        assert_eq!(
            config_mismatches(&asked, &echoed),
            [r#"`filter_subjects`: asked ["a","b"], got null"#]
        );
    }

    #[test]
    fn what_the_server_adds_is_no_difference() {
        assert!(config_mismatches(&json!({ "a": 1 }), &json!({ "a": 1, "b": 2 })).is_empty());
    }
}
