//! Tests of settings.

use super::*;

const KEY: &str = include_str!("../../tests/testdata/test-only-rsa.pkcs8.pem");

fn jwt() -> Settings {
    Settings {
        login_url: "https://acme.my.salesforce.com".to_owned(),
        client_id: "3MVG9".to_owned(),
        username: Some("orgwatch@acme.example".to_owned()),
        private_key: Some(SecretString::from(KEY)),
        ..Settings::default()
    }
}

fn client_credentials() -> Settings {
    Settings { username: None, private_key: None, client_secret: Some(SecretString::from("s3cr3t")), ..jwt() }
}

fn problems(settings: &Settings) -> Vec<String> {
    settings.check().iter().map(ToString::to_string).collect()
}

#[test]
fn both_flows_are_valid() {
    assert_eq!(problems(&jwt()), Vec::<String>::new());
    assert_eq!(problems(&client_credentials()), Vec::<String>::new());
}

#[test]
fn every_invalid_setting_is_reported_by_its_key() {
    let settings =
        Settings { timeout_seconds: 0, silence_seconds: 0, api_version: "64".to_owned(), ..Settings::default() };
    insta::assert_snapshot!(problems(&settings).join("\n"), @r"
    login_url: is missing
    client_id: is missing
    private_key_file: set exactly one of private_key_file, private_key, client_secret_file, client_secret; 0 are set
    api_version: must be a version such as 64.0
    timeout_seconds: must be at least 1
    silence_seconds: must be at least 1
    ");
}

#[test]
fn one_secret_is_required_and_a_username_only_with_a_key() {
    let check = |settings: Settings, expect: &str| {
        let found = problems(&settings);
        assert!(found.len() == 1 && found.iter().all(|text| text.contains(expect)), "{expect}: {found:?}");
    };
    check(Settings { client_secret: Some(SecretString::from("x")), ..jwt() }, "2 are set");
    check(Settings { private_key_file: Some("/key".into()), ..jwt() }, "2 are set");
    check(Settings { client_secret_file: Some("/secret".into()), ..client_credentials() }, "2 are set");
    check(Settings { username: None, ..jwt() }, "username: is required");
    check(Settings { username: Some(" ".to_owned()), ..jwt() }, "username: is required");
    check(Settings { username: Some("a@b.example".to_owned()), ..client_credentials() }, "username: must not be set");
}

#[test]
fn urls_need_tls_except_on_loopback() {
    let check = |url: &str, expect: bool| {
        let settings = Settings { login_url: url.to_owned(), pubsub_url: url.to_owned(), ..jwt() };
        assert_eq!(problems(&settings).is_empty(), expect, "{url}: {:?}", problems(&settings));
    };
    check("https://acme.my.salesforce.com/", true);
    check("https://api.pubsub.salesforce.com:7443", true);
    check("http://127.0.0.1:8080", true);
    check("http://[::1]:8080", true);
    check("http://localhost:8080", true);
    check("http://acme.my.salesforce.com", false);
    check("http://localhost.acme.example", false);
    check("http://10.0.0.1", false);
    check("ftp://127.0.0.1", false);
    check("acme.my.salesforce.com", false);
    check("https://acme.my.salesforce.com/services", false);
    check("https://acme.my.salesforce.com/?a=b", false);
    check("https://me:pass@acme.my.salesforce.com", false);
}

#[test]
fn api_versions_are_whole_numbers() {
    let check = |text: &str, expect: bool| assert_eq!(api_version_problem(text).is_none(), expect, "{text}");
    check("64.0", true);
    check("100.0", true);
    for text in ["", "64", ".0", "v64.0", "64.1", "6x.0", "../64.0"] {
        check(text, false);
    }
}

#[test]
fn the_audience_of_sandboxes_is_the_test_server() {
    let check = |url: &str, expect: &str| {
        let settings = Settings { login_url: url.to_owned(), ..jwt() };
        assert_eq!(settings.jwt_audience(), format!("https://{expect}.salesforce.com"), "{url}");
    };
    check("https://acme.my.salesforce.com", "login");
    check("https://login.salesforce.com", "login");
    check("https://test.salesforce.com", "test");
    check("https://acme--uat.sandbox.my.salesforce.com", "test");
    check("https://acme--uat.my.salesforce.com", "test");
    let settings = Settings { audience: Some("https://acme.my.site.com".to_owned()), ..jwt() };
    assert_eq!(settings.jwt_audience(), "https://acme.my.site.com");
}

#[test]
fn secrets_in_files_are_read_again_and_checked() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("secret");
    let by_file = Settings { client_secret: None, client_secret_file: Some(path.clone()), ..client_credentials() };
    let text = |settings: &Settings| settings.credential().err().map(|error| error.to_string());
    assert_eq!(text(&by_file), Some(format!("client_secret_file: {}: cannot be read", path.display())));
    assert!(by_file.check_secret_file().is_err() && client_credentials().check_secret_file().is_ok());
    std::fs::write(&path, "\n").unwrap();
    assert_eq!(text(&by_file).as_deref(), Some("client_secret_file: is empty"));
    std::fs::write(&path, "one\n").unwrap();
    let secret = |settings: &Settings| match settings.credential().unwrap() {
        Credential::Secret(secret) => secrecy::ExposeSecret::expose_secret(&secret).to_owned(),
        Credential::Key(_) => "a key".to_owned(),
    };
    assert_eq!(secret(&by_file), "one");
    std::fs::write(&path, "two\n").unwrap();
    assert_eq!(secret(&by_file), "two");
    assert_eq!(secret(&jwt()), "a key");
    assert!(text(&Settings { private_key: Some(SecretString::from("no key")), ..jwt() }).is_some());
}

#[test]
fn no_secret_is_shown() {
    for settings in [jwt(), client_credentials()] {
        let shown = format!("{settings:?} {}", toml::to_string(&settings).unwrap());
        assert!(!shown.contains("s3cr3t") && !shown.contains("PRIVATE KEY"), "{shown}");
    }
}
