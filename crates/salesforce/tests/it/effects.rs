//! The effect of activities, by the operation of their channel.

use crate::support::{one, row, stored};
use model::{Effect, WriteKind};

#[test]
fn operations_of_log_files_have_their_effects() {
    let check = |event_type, column, operation, expect| {
        let activity = one(&row(&[("EVENT_TYPE", event_type), (column, operation), ("ROWS_PROCESSED", "200")]));
        assert_eq!((activity.effect, activity.rows), (expect, Some(200)), "{event_type} {operation}");
    };
    check("API", "METHOD_NAME", "queryMore", Effect::Read);
    check("API", "METHOD_NAME", "upsert", Effect::Write);
    check("API", "METHOD_NAME", "", Effect::Read);
    check("RestApi", "METHOD", "GET", Effect::Read);
    check("RestApi", "METHOD", "PATCH", Effect::Write);
    check("RestApi", "METHOD", "POST", Effect::Write);
    check("ApexRestApi", "METHOD", "POST", Effect::Read);
    check("ApexRestApi", "METHOD", "DELETE", Effect::Write);
    check("BulkApi", "OPERATION_TYPE", "queryAll", Effect::Export);
    check("BulkApi", "OPERATION_TYPE", "insert", Effect::Write);
    check("ContentTransfer", "TRANSACTION_TYPE", "VersionDownloadApi", Effect::Export);
    check("ContentTransfer", "TRANSACTION_TYPE", "VersionRenditionDownload", Effect::Preview);
    check("ContentTransfer", "TRANSACTION_TYPE", "saveVersion", Effect::Write);
    check("Report", "ORIGIN", "ReportRunFromClassic", Effect::Read);
    check("Login", "LOGIN_TYPE", "A", Effect::None);
    check("WaveDownload", "ASSET_TYPE", "lens", Effect::Export);
}

#[test]
fn the_log_of_all_calls_says_their_effect_and_no_rows() {
    let check = |family, resource, method, expect| {
        let columns = [("API_FAMILY", family), ("API_RESOURCE", resource), ("HTTP_METHOD", method)];
        let base = [("EVENT_TYPE", "ApiTotalUsage"), ("ROWS_PROCESSED", "200")];
        let activity = one(&row(&[&base[..], &columns].concat()));
        assert_eq!((activity.effect, activity.rows), (expect, None), "{family} {resource} {method}");
    };
    check("REST", "/v66.0/query", "GET", Effect::Read);
    check("REST", "/v66.0/sobjects/Account", "PATCH", Effect::Write);
    check("REST", "/v66.0/composite/batch", "POST", Effect::Read);
    check("REST", "/services/data/v66.0/query", "POST", Effect::Read);
    check("REST", "/v66.0/sobjects/Account", "POST", Effect::Write);
    check("SOAP", "query", "POST", Effect::Read);
    check("SOAP", "delete", "POST", Effect::Write);
}

#[test]
fn operations_of_stored_events_have_their_effects() {
    let check = |object, field, operation, expect| {
        let activity = one(&stored(object, &format!(r#""{field}":"{operation}""#)));
        assert_eq!((activity.effect, activity.write_kind()), expect, "{object} {operation}");
    };
    check("ApiEvent", "Operation", "QueryAll", (Effect::Read, None));
    check("ApiEvent", "Operation", "Insert", (Effect::Write, Some(WriteKind::Created)));
    check("ApiEvent", "Operation", "Upsert", (Effect::Write, Some(WriteKind::Updated)));
    check("ApiEvent", "Operation", "DeleteSoft", (Effect::Write, Some(WriteKind::Deleted)));
    check("ApiEvent", "Operation", "DeleteHard", (Effect::Write, Some(WriteKind::Erased)));
    check("FileEvent", "FileAction", "UI_DOWNLOAD", (Effect::Export, None));
    check("FileEvent", "FileAction", "PREVIEW", (Effect::Preview, None));
    check("ReportEvent", "Operation", "ReportExported", (Effect::Export, None));
    check("LightningUriEvent", "Operation", "Update", (Effect::Write, Some(WriteKind::Updated)));
    check("PermissionSetEvent", "Operation", "AssignedToUsers", (Effect::None, None));
}

#[test]
fn a_query_that_is_posted_is_a_read() {
    let effect = |columns: &[(&str, &str)]| {
        let base = [("EVENT_TYPE", "RestApi"), ("METHOD", "POST"), ("ROWS_PROCESSED", "200")];
        let activity = one(&row(&[&base, columns].concat()));
        (activity.effect, activity.write_kind())
    };
    assert_eq!(effect(&[("URI", "/services/data/v66.0/search")]), (Effect::Read, None));
    assert_eq!(effect(&[("QUERY", "SELECT Id FROM Lead")]), (Effect::Read, None));
    let created = (Effect::Write, Some(WriteKind::Created));
    assert_eq!(effect(&[("URI", "/services/data/v66.0/composite/sobjects")]), created);
}
