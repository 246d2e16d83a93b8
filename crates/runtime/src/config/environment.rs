//! Maps names of environment variables to paths of keys.

use super::ConfigError;

/// Returns the variables of this process that begin with the prefix.
pub(super) fn of_process() -> Result<Vec<(String, String)>, ConfigError> {
    let mut variables = Vec::new();
    let mut problems = Vec::new();
    for (name, value) in std::env::vars_os() {
        let Some(name) = name.to_str().filter(|name| name.starts_with(PREFIX)) else { continue };
        match value.into_string() {
            Ok(text) => variables.push((name.to_owned(), text)),
            Err(_) => problems.push(format!("{name}: is not UTF-8")),
        }
    }
    if problems.is_empty() { Ok(variables) } else { Err(ConfigError::Invalid { problems }) }
}

/// Returns the key that a variable sets, level by level; `None` if the variable is not part of the configuration.
pub(super) fn path(variable: &str) -> Option<Vec<String>> {
    let key = variable.strip_prefix(PREFIX)?;
    if RESERVED.contains(&variable) || is_service_link(key) {
        return None;
    }
    Some(key.to_lowercase().split("__").map(str::to_owned).collect())
}

const PREFIX: &str = "ORGWATCH_";

/// Variables with the prefix that set no key.
const RESERVED: &[&str] = &["ORGWATCH_CONFIG", "ORGWATCH_LOG", "ORGWATCH_TOOLS"];

/// Returns whether Kubernetes sets this variable for a service of the namespace, such as `ORGWATCH_CONSOLE_PORT` for
/// the service `orgwatch-console`. Such names never hold two underscores.
fn is_service_link(key: &str) -> bool {
    let endings = ["SERVICE_HOST", "SERVICE_PORT", "PORT"];
    let inner = ["SERVICE_PORT_", "_PORT_"];
    !key.contains("__") && (endings.iter().any(|end| key.ends_with(end)) || inner.iter().any(|part| key.contains(part)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_underscores_separate_levels() {
        assert_eq!(path("ORGWATCH_NATS__USER_NAME"), Some(vec!["nats".to_owned(), "user_name".to_owned()]));
        assert_eq!(path("ORGWATCH_SHARES"), Some(vec!["shares".to_owned()]));
    }

    #[test]
    fn other_variables_are_ignored() {
        let others = [
            "PATH",
            "ORGWATCH_LOG",
            "ORGWATCH_TOOLS",
            "ORGWATCH_SERVICE_HOST",
            "ORGWATCH_CONSOLE_SERVICE_PORT_HTTP",
            "ORGWATCH_CONSOLE_PORT",
            "ORGWATCH_CONSOLE_PORT_8080_TCP_ADDR",
        ];
        for name in others {
            assert_eq!(path(name), None, "{name}");
        }
    }
}
