use super::*;

fn valid() -> SignInSettings {
    SignInSettings {
        issuer: "https://login.example.com/realms/work".to_owned(),
        client_id: "orgwatch".to_owned(),
        client_secret: Some(SecretString::from("s3cr3t")),
        public_url: "https://orgwatch.example.com".to_owned(),
        roles: vec![mapped("analysts", "*", Role::Analyst)],
        ..SignInSettings::default()
    }
}

fn mapped(group: &str, org: &str, role: Role) -> GroupRole {
    GroupRole { group: group.to_owned(), org: org.to_owned(), role }
}

#[test]
fn all_errors_are_named_at_once() {
    assert_eq!(valid().check(), Vec::<String>::new());
    let wrong = SignInSettings {
        algorithms: Vec::new(),
        scopes: vec!["email groups".to_owned()],
        check_seconds: 46,
        outage_seconds: 0,
        ..SignInSettings::default()
    };
    insta::assert_snapshot!(wrong.check().join("\n"), @r"
    console.sign_in.issuer: is missing
    console.sign_in.client_id: is missing
    console.sign_in.client_secret_file: set one of client_secret_file and client_secret
    console.sign_in.public_url: is missing
    console.sign_in.scopes: must have openid
    console.sign_in.algorithms: is empty: no token would be accepted
    console.sign_in.check_seconds: must be from 1 to 45, is 46
    console.sign_in.outage_seconds: must be from 1 to 300, is 0
    console.sign_in.roles: is empty: nobody would have access; add [[console.sign_in.roles]]
    ");
}

#[test]
fn urls_are_private_and_mean_one_place() {
    let check = |issuer: &str, public_url: &str, expect: &[&str]| {
        let settings = SignInSettings { issuer: issuer.to_owned(), public_url: public_url.to_owned(), ..valid() };
        assert_eq!(settings.check(), expect, "{issuer} {public_url}");
    };
    let (issuer, public) = (valid().issuer, valid().public_url);
    check("http://127.0.0.1:9000", "http://localhost:8090", &[]);
    check("http://localhost:9000", "http://127.0.0.1:8090/", &[]);
    check(&issuer, "http://[::1]:8090", &[]);
    let is_plain = |key| {
        format!(
            "console.sign_in.{key}: must begin with https://; http:// is for localhost and loopback addresses alone"
        )
    };
    check("http://login.example.com", &public, &[&is_plain("issuer")]);
    for other in [
        "http://orgwatch.example.com",
        "http://localhost.example.com",
        "http://127.0.0.1.example.com",
        "http://10.0.0.1:8090",
        "http://0.0.0.0:8090",
        "http://[::]:8090",
        "ws://localhost:8090",
    ] {
        check(&issuer, other, &[&is_plain("public_url")]);
    }
    let has_more = "console.sign_in.public_url: must have no user, query or fragment";
    check(&issuer, "http://localhost@127.0.0.1:8090", &[has_more]);
    check("login.example.com", &public, &["console.sign_in.issuer: is not a URL"]);
    let has_more = "console.sign_in.issuer: must have no user, query or fragment";
    check("https://login.example.com?tenant=1", &public, &[has_more]);
    let has_path = "console.sign_in.public_url: must be a host alone, such as https://orgwatch.example.com";
    check(&issuer, "https://example.com/orgwatch", &[has_path]);
}

#[test]
fn one_secret_is_set_and_never_shown() {
    let check = |file: Option<&str>, given: Option<&str>, expect: usize| {
        let settings = SignInSettings {
            client_secret_file: file.map(PathBuf::from),
            client_secret: given.map(SecretString::from),
            ..valid()
        };
        assert_eq!(settings.check().len(), expect, "{file:?} {given:?}");
        let shown = serde_json::to_string(&settings).unwrap();
        assert!(!shown.contains("s3cr3t"), "{shown}");
    };
    check(Some("/secret"), None, 0);
    check(None, Some("s3cr3t"), 0);
    check(Some("/secret"), Some("s3cr3t"), 1);
    check(None, None, 1);
}

#[test]
fn a_group_has_one_role_in_an_org() {
    let twice =
        SignInSettings { roles: vec![mapped("a", "*", Role::Viewer), mapped("a", "*", Role::Analyst)], ..valid() };
    assert_eq!(twice.check(), ["console.sign_in.roles: group \"a\" has two roles in org *: keep one"]);
}

#[test]
fn groups_have_the_highest_of_their_roles_and_others_none() {
    let settings = SignInSettings {
        roles: vec![
            mapped("all", "*", Role::Viewer),
            mapped("soc", "00Dhn0000018hrc", Role::Analyst),
            mapped("leads", "00Dhn0000018hrcEAA", Role::Responder),
        ],
        ..valid()
    };
    let check = |groups: &[&str], expect: &[(&str, Role)]| {
        let groups = groups.iter().map(|group| (*group).to_owned()).collect();
        let expect = expect.iter().map(|(org, role)| ((*org).to_owned(), *role)).collect();
        assert_eq!(settings.roles_of(&groups), expect, "{groups:?}");
    };
    let org = "00Dhn0000018hrcEAA";
    check(&["all", "leads", "soc"], &[("*", Role::Viewer), (org, Role::Responder)]);
    check(&["soc", "finance"], &[(org, Role::Analyst)]);
    check(&["finance", "ALL", "*"], &[]);
    check(&[], &[]);
}
