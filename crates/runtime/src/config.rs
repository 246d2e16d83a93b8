//! Configuration from defaults, one TOML file and the environment. Unknown keys are errors, and all errors are reported
//! at once.
//!
//! `T` gives the defaults (`#[serde(default, deny_unknown_fields)]` on every struct). A file replaces them, and a
//! variable `ORGWATCH_<SECTION>__<KEY>` replaces both; two underscores separate levels. A variable's value is text
//! where the type expects text, and otherwise read as TOML (`true`, `8`, `["a", "b"]`).
//! `ORGWATCH_<SECTION>__<KEY>_FILE` names a file that holds the value, unless a key of that very name exists.
//!
//! An error names the expected and the found type of a value, and never the value, which could be a secret. Only
//! numbers out of range are shown.

mod environment;
mod problem;
mod read;
mod redact;
mod tree;

use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

use problem::Problem;
use tree::Tree;

/// Why a configuration could not be loaded or shown.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("{}: cannot be read", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// The file, or variables, are wrong: one text for each problem, as `FILE:LINE: KEY: PROBLEM` or
    /// `VARIABLE: KEY: PROBLEM`. Services add their own checks of values in the same form.
    #[error("configuration is not valid:\n  {}", problems.join("\n  "))]
    Invalid {
        /// One text per problem.
        problems: Vec<String>,
    },
    /// TOML has no form for a value.
    #[error("configuration cannot be written as TOML")]
    Write {
        /// The cause.
        source: toml::ser::Error,
    },
}

/// The text of a configuration file.
#[derive(Clone, Copy, Debug)]
pub struct File<'a> {
    /// As errors name it.
    pub name: &'a str,
    /// TOML.
    pub text: &'a str,
}

/// Loads the defaults, then `file`, then the environment of this process.
///
/// `ORGWATCH_LOG`, `ORGWATCH_CONFIG`, `ORGWATCH_TOOLS` and the variables that Kubernetes sets for services are ignored.
///
/// # Errors
/// If the file cannot be read, or with all problems of the file and of the variables: syntax, types, unknown keys and
/// unknown variables.
pub fn load<T: Serialize + DeserializeOwned + Default>(file: Option<&Path>) -> Result<T, ConfigError> {
    let variables = environment::of_process()?;
    let Some(path) = file else { return load_from(None, variables) };
    let text = std::fs::read_to_string(path).map_err(|source| ConfigError::Read { path: path.into(), source })?;
    load_from(Some(File { name: &path.to_string_lossy(), text: &text }), variables)
}

/// Works as [`load`], with the file's text and the environment as arguments. Only `*_FILE` variables read files.
///
/// # Errors
/// As [`load`].
pub fn load_from<T: Serialize + DeserializeOwned + Default>(
    file: Option<File<'_>>,
    environment: impl IntoIterator<Item = (String, String)>,
) -> Result<T, ConfigError> {
    let name = file.map_or("", |file| file.name);
    let mut problems = Vec::new();
    let mut tree = file.map_or_else(Tree::default, |file| Tree::parse(file.text, &mut problems));
    if !problems.is_empty() {
        return Err(invalid(problems, name));
    }
    let mut variables: Vec<(String, String)> = environment.into_iter().collect();
    variables.sort();
    for (variable, value) in variables {
        if let Some(path) = environment::path(&variable) {
            tree.set(&path, variable, value, &mut problems);
        }
    }
    match tree.read::<T>(&mut problems) {
        Some(config) if problems.is_empty() => {
            tree.find_ignored(&config, &mut problems);
            if problems.is_empty() { Ok(config) } else { Err(invalid(problems, name)) }
        }
        _ => Err(invalid(problems, name)),
    }
}

/// Returns the whole configuration as TOML, as `config show` prints it. Fields of secrets are masked by
/// [`crate::secret`]; secrets within URLs, and values of keys that are named like secrets, are masked here.
///
/// # Errors
/// If TOML has no form for a value, such as an integer above `i64::MAX`.
pub fn show<T: Serialize>(config: &T) -> Result<String, ConfigError> {
    let text = toml::to_string_pretty(config).map_err(|source| ConfigError::Write { source })?;
    Ok(redact::redact(&text))
}

fn invalid(mut problems: Vec<Problem>, file: &str) -> ConfigError {
    problems.sort();
    problems.dedup();
    ConfigError::Invalid { problems: problems.iter().map(|problem| problem.text(file)).collect() }
}

#[cfg(test)]
mod tests;
