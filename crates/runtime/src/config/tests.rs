use std::collections::BTreeMap;
use std::io::Write;

use proptest::prelude::*;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use super::*;

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Config {
    shares: u16,
    nats: Nats,
    postgres: Postgres,
    sources: Vec<Source>,
    sinks: BTreeMap<String, Sink>,
    lenient: Lenient,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Nats {
    url: String,
    ca_file: Option<String>,
    hosts: Vec<String>,
    tls: bool,
    mode: Mode,
}

impl Default for Nats {
    fn default() -> Self {
        Self { url: "nats://127.0.0.1".into(), ca_file: None, hosts: Vec::new(), tls: true, mode: Mode::Core }
    }
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Mode {
    Core,
    Leaf,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Postgres {
    #[serde(serialize_with = "crate::secret::mask")]
    url: SecretString,
    #[serde(serialize_with = "crate::secret::mask_option")]
    migration_url: Option<SecretString>,
    connections: u8,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Source {
    name: String,
    #[serde(default)]
    port: u16,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sink {
    url: String,
    retries: u8,
}

/// A type without `deny_unknown_fields`, which a configuration should not have.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Lenient {
    level: u8,
}

fn parse(text: &str, variables: &[(&str, &str)]) -> Result<Config, String> {
    let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    load_from(Some(File { name: "orgwatch.toml", text }), variables).map_err(|error| error.to_string())
}

#[test]
fn nothing_set_gives_the_defaults() {
    let config: Config = load_from(None, []).unwrap();
    assert_eq!((config.nats.url.as_str(), config.nats.tls, config.shares), ("nats://127.0.0.1", true, 0));
}

#[test]
fn variables_override_the_file_and_the_file_overrides_defaults() {
    let text = "shares = 3\n[nats]\nurl = \"nats://a\"\ntls = false\n[postgres]\nconnections = 4\n";
    let variables = [
        ("ORGWATCH_SHARES", "5"),
        ("ORGWATCH_NATS__URL", "nats://b"),
        ("ORGWATCH_NATS__HOSTS", r#"["a", "b"]"#),
        ("ORGWATCH_NATS__MODE", "leaf"),
        ("ORGWATCH_SINKS__SPLUNK__URL", "http://splunk"),
        ("ORGWATCH_SINKS__SPLUNK__RETRIES", "2"),
        ("ORGWATCH_LOG", "debug"),
        ("HOME", "/root"),
    ];
    let config = parse(text, &variables).unwrap();
    assert_eq!((config.shares, config.nats.url.as_str(), config.nats.tls), (5, "nats://b", false));
    assert_eq!((config.nats.hosts.len(), config.nats.mode, config.postgres.connections), (2, Mode::Leaf, 4));
    assert_eq!(config.sinks["splunk"].retries, 2);
}

#[test]
fn a_text_is_not_parsed() {
    for secret in ["12345", "true", "\"quoted\"", "[1, 2]", "{a=1}", " spaced ", ""] {
        let config = parse("", &[("ORGWATCH_POSTGRES__URL", secret), ("ORGWATCH_NATS__URL", secret)]).unwrap();
        assert_eq!(config.postgres.url.expose_secret(), secret);
        assert_eq!(config.nats.url, secret);
    }
}

#[test]
fn all_errors_are_reported_with_line_or_variable() {
    let text = r#"
shares = 70000
nat = "x"

[nats]
urll = "nats://a"
tls = "yes"
mode = "star"

[postgres]
url = 987654321
connections = 8

[[sources]]
name = 5
port = "hidden"

[[sources]]
name = "fine"

[[sources]]
name = "third"
prt = 9

[sinks.splunk]
url = 1

[sinks.jira]
url = "http://jira"

[lenient]
levle = 3
"#;
    let variables = [
        ("ORGWATCH_NATS__HOSTS", "hidden"),
        ("ORGWATCH_NATSS__URL", "hidden"),
        ("ORGWATCH_NATSS__TLS", "hidden"),
        ("ORGWATCH_POSTGRES__CONNECTIONS", "300"),
        ("ORGWATCH_POSTGRES__MIGRATION_URL_FILE", "/nowhere/secret"),
        ("ORGWATCH_POSTGRES__URLL_FILE", "/dev/null"),
        ("ORGWATCH_SHARE", "hidden"),
    ];
    let error = parse(text, &variables).unwrap_err();
    assert!(!error.contains("hidden") && !error.contains("987654321"), "{error}");
    insta::assert_snapshot!(error);
}

#[test]
fn variables_are_read_as_toml_where_no_text_is_expected() {
    let number = |raw: &str| parse("", &[("ORGWATCH_SHARES", raw)]).map(|config| config.shares);
    assert_eq!(number(" 8 "), Ok(8));
    assert_eq!(number("0x10"), Ok(16));
    for raw in ["", "eight", "\"8\"", "2026-03-02", "[8", "99999999999999999999"] {
        let expect = "configuration is not valid:\n  ORGWATCH_SHARES: shares: expected u16, found a string";
        assert_eq!(number(raw).unwrap_err(), expect, "{raw}");
    }
    let hosts = |raw: &str| parse("", &[("ORGWATCH_NATS__HOSTS", raw)]).map(|config| config.nats.hosts);
    assert_eq!(hosts("[ ]"), Ok(Vec::new()));
    assert_eq!(hosts("[\"a\", 'b']"), Ok(vec!["a".to_owned(), "b".to_owned()]));
    let sinks = |raw: &str| parse("", &[("ORGWATCH_SINKS__SPLUNK", raw)]).map(|config| config.sinks["splunk"].retries);
    assert_eq!(sinks("{ url = \"http://splunk\", retries = 2 }"), Ok(2));
    insta::assert_snapshot!(sinks("{ url = \"http://splunk\", retires = 2 }").unwrap_err(), @r"
    configuration is not valid:
      ORGWATCH_SINKS__SPLUNK: sinks.splunk: `retries` is missing
      ORGWATCH_SINKS__SPLUNK: sinks.splunk.retires: no such key; there are url, retries
    ");
}

#[test]
fn keys_that_a_type_ignores_are_errors_too() {
    let error = parse("[lenient]\nlevle = 3\n", &[("ORGWATCH_LENIENT__LEVEE", "3")]).unwrap_err();
    insta::assert_snapshot!(error);
}

#[test]
fn syntax_errors_have_a_line_and_quote_nothing() {
    let error = parse("[nats]\nurl = \"nats://user:password\ntls = true\n", &[]).unwrap_err();
    assert!(!error.contains("password"), "{error}");
    insta::assert_snapshot!(error);
}

#[test]
fn a_value_may_come_from_a_file() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(b"postgres://user:word@host/db\n").unwrap();
    let path = file.path().to_str().unwrap();
    let variables = [("ORGWATCH_POSTGRES__URL_FILE", path), ("ORGWATCH_NATS__CA_FILE", "/etc/ca.pem")];
    let config = parse("[postgres]\nurl = \"other\"\n", &variables).unwrap();
    assert_eq!(config.postgres.url.expose_secret(), "postgres://user:word@host/db");
    assert_eq!(config.nats.ca_file.as_deref(), Some("/etc/ca.pem"), "a key of that very name");
}

#[test]
fn only_one_variable_may_set_a_key() {
    let variables = [("ORGWATCH_POSTGRES__URL", "a"), ("ORGWATCH_POSTGRES__URL_FILE", "/dev/null")];
    insta::assert_snapshot!(parse("", &variables).unwrap_err());
}

#[test]
fn secrets_are_never_shown() {
    let config = parse("[postgres]\nurl = \"postgres://hidden\"\nmigration_url = \"hidden\"\n", &[]).unwrap();
    assert!(!format!("{config:?}").contains("hidden"));
    insta::assert_snapshot!(show(&config).unwrap());
}

#[test]
fn a_missing_file_is_named() {
    let error = load::<Config>(Some(Path::new("/nowhere/orgwatch.toml"))).unwrap_err();
    assert_eq!(error.to_string(), "/nowhere/orgwatch.toml: cannot be read");
}

proptest! {
    /// Reading ends without a panic, whatever the file and the environment hold.
    #[test]
    fn reading_ends(
        text in "(\\[(nats|sinks\\.a|x)\\]\n|\\[\\[sources\\]\\]\n|(url|name|port|tls|retries) = (1|\"a\"|true|\\[1\\]|\\{ a = 1 \\})\n){0,12}",
        variables in proptest::collection::vec(("ORGWATCH_(NATS|SOURCES|SINKS|X)(__(A|URL|HOSTS)(_FILE)?){0,3}", "(1|a|true|\\[1\\]|\\{a=1\\})"), 0..6),
    ) {
        let outcome = load_from::<Config>(Some(File { name: "f", text: &text }), variables);
        if let Err(error) = outcome {
            let ConfigError::Invalid { problems } = error else { panic!("{error}") };
            prop_assert_ne!(problems.len(), 0);
        }
    }
}
