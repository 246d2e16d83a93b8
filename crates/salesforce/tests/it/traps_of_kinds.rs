//! Peculiarities of single kinds of events, one test each.

use crate::support::{one, row, stored};
use model::{Outcome, ScoreScale};

#[test]
fn an_export_is_recognized_by_its_operation() {
    assert!(one(&stored("ReportEvent", r#""Operation":"ReportExported","ExportFileFormat":null"#)).is_report_export());
    assert!(one(&row(&[("EVENT_TYPE", "ReportExport"), ("URI", "/x")])).is_report_export());
    assert!(
        !one(&stored("ReportEvent", r#""Operation":"ReportRunFromLightning","ExportFileFormat":"CSV""#))
            .is_report_export()
    );
}

#[test]
fn a_logged_export_has_its_report_in_the_uri_and_no_rows() {
    let by_uri = one(&row(&[("EVENT_TYPE", "ReportExport"), ("URI", "/00O30000000jCGS"), ("URI_ID_DERIVED", "")]));
    assert_eq!((by_uri.rows, by_uri.resource_id.as_deref()), (None, Some("00O30000000jCGSEA2")));
}

#[test]
fn the_status_of_a_login_is_free_text() {
    let login = |status| one(&stored("LoginEvent", &format!(r#""Status":"{status}""#))).outcome;
    assert_eq!(login("Success"), Outcome::Success);
    assert_eq!(login("SUCCESS"), Outcome::Success);
    assert_eq!(login("Password Lockout"), Outcome::Failure);
    assert_eq!(login("Failed: Missing Consumer Key Parameter"), Outcome::Failure);
    let logged = |status| one(&row(&[("EVENT_TYPE", "Login"), ("LOGIN_STATUS", status)])).outcome;
    assert_eq!(logged("LOGIN_NO_ERROR"), Outcome::Success);
    assert_eq!(logged("LOGIN_OAUTH_NO_CONSUMER"), Outcome::Failure);
    assert_eq!(logged(""), Outcome::Unknown);
}

#[test]
fn letters_of_login_types_are_converted_to_texts() {
    let kind = |letter| one(&row(&[("EVENT_TYPE", "Login"), ("LOGIN_TYPE", letter)])).login_type.unwrap_or_default();
    assert_eq!(
        ["A", "i", "I", "8", "?"].map(kind),
        ["Application", "Remote Access 2.0", "Other Apex API", "SAML Sfdc Initiated SSO", "?"]
    );
}

#[test]
fn a_login_with_a_country_code_column_and_one_without() {
    let country = |columns: &[(&str, &str)]| one(&row(columns)).country;
    assert_eq!(country(&[("EVENT_TYPE", "Login"), ("COUNTRY_CODE", "DE")]).as_deref(), Some("DE"));
    assert_eq!(country(&[("EVENT_TYPE", "Login")]), None);
    assert_eq!(one(&stored("LoginEvent", r#""Country":"France","CountryIso":"FR""#)).country.as_deref(), Some("FR"));
    assert_eq!(
        one(&stored("LoginEvent", r#""Country":"France","CountryIso":null"#)).country.as_deref(),
        Some("France")
    );
}

#[test]
fn the_first_of_a_pair_of_page_records_is_only_initiated() {
    let outcome = |status| one(&stored("UriEvent", &format!(r#""OperationStatus":"{status}""#))).outcome;
    assert_eq!(
        [outcome("Initiated"), outcome("Success"), outcome("Failure")],
        [Outcome::Initiated, Outcome::Success, Outcome::Failure]
    );
}

#[test]
fn outcomes_of_requests() {
    let outcome = |kind, column, value| one(&row(&[("EVENT_TYPE", kind), (column, value)])).outcome;
    assert_eq!(outcome("RestApi", "STATUS_CODE", "200"), Outcome::Success);
    assert_eq!(outcome("RestApi", "STATUS_CODE", "404"), Outcome::Failure);
    assert_eq!(outcome("API", "REQUEST_STATUS", "S"), Outcome::Success);
    assert_eq!(outcome("API", "REQUEST_STATUS", "F"), Outcome::Failure);
    assert_eq!(outcome("API", "REQUEST_STATUS", "U"), Outcome::Unknown);
    assert_eq!(outcome("API", "REQUEST_STATUS", ""), Outcome::Success);
    assert_eq!(outcome("BulkApi", "SUCCESS", "0"), Outcome::Failure);
    assert_eq!(one(&stored("ApiEvent", r#""PolicyOutcome":"Block""#)).outcome, Outcome::Failure);
    assert_eq!(one(&stored("ApiEvent", r#""PolicyOutcome":"SomethingNew""#)).outcome, Outcome::Success);
}

#[test]
fn the_administrator_of_a_login_as_is_the_delegate() {
    let event = one(&stored(
        "LoginAsEvent",
        r#""DelegatedUsername":"admin@example.com","DelegatedOrganizationId":"00Dhn0000018hrc""#,
    ));
    let delegate = event.delegate.unwrap();
    assert_eq!(
        (delegate.username.as_deref(), delegate.org_id.as_deref()),
        (Some("admin@example.com"), Some("00Dhn0000018hrcEAA"))
    );
    let logged = one(&row(&[("EVENT_TYPE", "LoginAs"), ("DELEGATED_USER_ID", "0054x000001L78a")]));
    assert_eq!(logged.delegate.unwrap().user_id.as_deref(), Some("0054x000001L78aAAC"));
}

#[test]
fn scores_keep_their_scale_and_their_value() {
    let native = |kind, score| *one(&stored(kind, &format!(r#""Score":{score}"#))).native.unwrap();
    assert_eq!(native("ApiAnomalyEvent", "0.95").scale, ScoreScale::ZeroToOne);
    let tenant = native("TenantSecurityApiAnomaly", "95.0");
    assert_eq!((tenant.scale, tenant.unit_score()), (ScoreScale::ZeroToHundred, Some(0.95)));
    let off = native("ApiAnomalyEventStore", "85.5");
    assert_eq!((off.score, off.unit_score()), (Some(85.5), None));
}

#[test]
fn credential_stuffing_always_scores_one() {
    assert_eq!(one(&stored("CredentialStuffingEvent", r#""Score":null"#)).native.unwrap().unit_score(), Some(1.0));
}

#[test]
fn security_event_data_that_cannot_be_parsed_is_kept() {
    let native = |data: &str| {
        let text = serde_json::to_string(data).unwrap();
        *one(&stored("ApiAnomalyEvent", &format!(r#""SecurityEventData":{text}"#))).native.unwrap()
    };
    let percent = |data: &str| native(data).features[0].percent;
    assert_eq!(
        percent(r#"[{"featureName":"rowCount","featureValue":"9","featureContribution":"95.00 %"}]"#),
        Some(95.0)
    );
    assert_eq!(percent(r#"[{"featureName":"rowCount","featureValue":9,"featureContribution":".09 %"}]"#), Some(0.09));
    assert_eq!(percent(r#"[{"featureName":"rowCount","featureValue":9,"featureContribution":1.5}]"#), Some(1.5));
    assert_eq!(percent("[{“featureName”:”rowCount”,“featureValue”:“9”,“featureContribution”:“7 %”}]"), Some(7.0));
    assert_eq!(native(r#"[{"featureName":"ip","previousValue":"a","currentValue":"b"}]"#).features[0].value, "a → b");
    assert_eq!(native("reserved for future use").unread.as_deref(), Some("reserved for future use"));
}

#[test]
fn security_event_data_may_be_json_or_text() {
    let event = stored(
        "ApiAnomalyEvent",
        r#""SecurityEventData":[{"featureName":"rowCount","featureValue":"9","featureContribution":"5 %"}]"#,
    );
    assert_eq!(one(&event).native.unwrap().features[0].percent, Some(5.0));
    let change = one(&stored("PermissionSetEvent", r#""PermissionList":["ViewAllData"],"UserCount":"1000""#));
    let shown: Vec<_> = change.attributes.iter().map(|a| format!("{}={}", a.name, a.value)).collect();
    assert_eq!(shown, [r#"PermissionList=["ViewAllData"]"#, "UserCount=1000"]);
}
