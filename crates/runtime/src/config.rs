//! Configuration from defaults, one TOML file and the environment: strict, and all errors told at once.
//!
//! `T` gives the defaults (`#[serde(default, deny_unknown_fields)]` on every struct). A file replaces them, and a
//! variable `ORGWATCH_<SECTION>__<KEY>` replaces both; two underscores separate levels. A variable's value is taken as
//! text where text is wanted, and otherwise read as in TOML (`true`, `8`, `["a", "b"]`). `ORGWATCH_<SECTION>__<KEY>_FILE`
//! names a file to take the value from, unless a key of that very name exists.
//!
//! No value that could be a secret is printed: an error says what was wanted and what kind of value was found.

mod environment;
mod problem;
mod tree;

use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

use problem::Problem;
use tree::Tree;

#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("{}: cannot be read", path.display())]
    Read { path: PathBuf, source: std::io::Error },
    /// One text for each thing wrong, with its place: `file:line: key: what` or `VARIABLE: key: what`. Services add
    /// their own checks of values in the same form.
    #[error("configuration is not valid:\n  {}", problems.join("\n  "))]
    Invalid { problems: Vec<String> },
    #[error("configuration cannot be written as TOML")]
    Write { source: toml::ser::Error },
}

/// The text of a configuration file, and the name it has in errors.
#[derive(Clone, Copy, Debug)]
pub struct File<'a> {
    pub name: &'a str,
    pub text: &'a str,
}

/// Defaults, then `file`, then the environment of this process.
///
/// # Errors
/// If the file cannot be read, or with everything that is wrong in it and in the variables: syntax, types, and keys and
/// variables that name nothing. `ORGWATCH_LOG`, `ORGWATCH_CONFIG`, `ORGWATCH_TOOLS` and what Kubernetes adds for its
/// services are left alone.
pub fn load<T: Serialize + DeserializeOwned + Default>(file: Option<&Path>) -> Result<T, ConfigError> {
    let variables = environment::of_process()?;
    let Some(path) = file else { return load_from(None, variables) };
    let text = std::fs::read_to_string(path).map_err(|source| ConfigError::Read { path: path.into(), source })?;
    load_from(Some(File { name: &path.to_string_lossy(), text: &text }), variables)
}

/// As [`load`], with the file's text and the environment as arguments; only `*_FILE` variables read anything.
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
            tree.unread(&config, &mut problems);
            if problems.is_empty() { Ok(config) } else { Err(invalid(problems, name)) }
        }
        _ => Err(invalid(problems, name)),
    }
}

/// The whole configuration as TOML, as `config show` prints it; secrets are `"***"`.
///
/// A `SecretString` has no serialization of its own, so a field without [`crate::secret::mask`] does not compile.
///
/// # Errors
/// If TOML cannot say a value, such as an integer above `i64::MAX`.
pub fn show<T: Serialize>(config: &T) -> Result<String, ConfigError> {
    toml::to_string_pretty(config).map_err(|source| ConfigError::Write { source })
}

fn invalid(mut problems: Vec<Problem>, file: &str) -> ConfigError {
    problems.sort();
    problems.dedup();
    ConfigError::Invalid { problems: problems.iter().map(|problem| problem.text(file)).collect() }
}

#[cfg(test)]
mod tests;
