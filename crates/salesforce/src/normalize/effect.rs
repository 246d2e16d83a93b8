//! The effect of REST calls, where the method alone does not say it.

use crate::field::Field;
use crate::record::Record;
use model::{Activity, Effect};

/// Sets the effect of a REST call: some are reads although their method is POST.
pub(super) fn of_rest(record: &Record<'_>, event_type: &str, activity: &mut Activity) {
    let is_post = activity.operation.as_ref().is_some_and(|method| method.eq_ignore_ascii_case("POST"));
    if !is_post {
        return;
    }
    // What a POST to an org's own Apex does is unknown, so it counts as a read.
    let reads = event_type == "ApexRestApi"
        || record.str(Field::Query).is_some()
        || record.str(Field::Uri).is_some_and(is_read_by_post);
    if reads {
        activity.effect = Effect::Read;
    }
}

/// Sets the effect of a call in the log of all calls, where a POST to a resource is a read. `/v66.0/query` lacks the path in
/// front of it.
pub(super) fn of_usage(record: &Record<'_>, activity: &mut Activity) {
    let is_post = activity.operation.as_ref().is_some_and(|method| method.eq_ignore_ascii_case("POST"));
    let is_read = |resource: &str| is_read_by_post(resource) || is_read_by_post(&format!("/data{resource}"));
    if is_post && record.str(Field::ApiResource).is_some_and(is_read) {
        activity.effect = Effect::Read;
    }
}

/// Whether the resource returns data to a POST: queries with the text in the body, reports, and the composite requests
/// that may hold queries. These last may as well hold writes, which the log does not say: they count as reads, so that
/// none is hidden.
fn is_read_by_post(uri: &str) -> bool {
    let path = uri.split('?').next().unwrap_or_default();
    // Behind the version: `/services/data/v66.0/…`.
    let mut parts = path.split('/').filter(|part| !part.is_empty()).skip_while(|part| *part != "data").skip(2);
    let resource = match parts.next() {
        Some("tooling") => parts.next(),
        first => first,
    };
    match (resource, parts.next(), parts.next()) {
        (Some("query" | "queryAll" | "search" | "parameterizedSearch" | "graphql" | "analytics" | "wave"), ..) => true,
        (Some("jobs"), Some("query"), _) => true,
        (Some("ui-api"), Some(second), _) => second != "records",
        (Some("composite"), None | Some("batch" | "graph"), _) => true,
        // With an object, the records of a list of ids are returned; without one, records are created.
        (Some("composite"), Some("sobjects"), Some(_)) => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_resources_return_data_to_a_post() {
        let check = |resource: &str, expect| {
            let uri = format!("/services/data/v66.0/{resource}");
            assert_eq!(is_read_by_post(&uri), expect, "{uri}");
        };
        for resource in [
            "query",
            "tooling/query/?x=1",
            "search",
            "parameterizedSearch",
            "graphql",
            "analytics/reports/00O30000000jCGS",
            "jobs/query",
            "ui-api/list-records/Account/AllAccounts",
            "composite",
            "composite/batch/",
            "composite/graph",
            "composite/sobjects/Account",
        ] {
            check(resource, true);
        }
        for resource in [
            "",
            "sobjects/Account",
            "sobjects/Account?query",
            "tooling/sobjects/ApexClass",
            "composite/sobjects",
            "composite/sobjects/",
            "composite/tree/Account",
            "jobs/ingest",
            "ui-api/records",
            "actions/custom/apex/query",
        ] {
            check(resource, false);
        }
        assert!(!is_read_by_post("/services/apexrest/query"));
    }
}
