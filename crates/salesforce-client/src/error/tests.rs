//! Tests of reading and classifying errors.

use super::*;
use reqwest::StatusCode;
use tonic::metadata::{MetadataMap, MetadataValue};

fn refusal(call: &'static str, status: u16, body: &str) -> Error {
    Error::refusal(call, StatusCode::from_u16(status).unwrap(), body.as_bytes())
}

#[test]
fn errors_of_rest_are_classified() {
    let check = |status: u16, code: &str, expect: Trouble| {
        let error = refusal("query", status, &format!(r#"[{{"message":"some words","errorCode":"{code}"}}]"#));
        assert_eq!(error.to_string(), format!("query: {code}: some words"));
        assert_eq!(error.trouble(), expect, "{status} {code}");
    };
    check(401, "INVALID_SESSION_ID", Trouble::Login);
    check(403, "INVALID_SESSION_ID", Trouble::Login);
    check(403, "REQUEST_LIMIT_EXCEEDED", Trouble::Limit);
    check(403, "INSUFFICIENT_ACCESS", Trouble::Denied);
    check(403, "API_DISABLED_FOR_ORG", Trouble::Denied);
    check(404, "NOT_FOUND", Trouble::Denied);
    check(400, "INVALID_FIELD", Trouble::Query);
    check(400, "INVALID_TYPE", Trouble::Query);
    check(400, "MALFORMED_QUERY", Trouble::Query);
    check(400, "QUERY_TIMEOUT", Trouble::QueryTimeout);
    check(500, "QUERY_TIMEOUT", Trouble::QueryTimeout);
    check(400, "INVALID_QUERY_LOCATOR", Trouble::Cursor);
    check(404, "INVALID_QUERY_LOCATOR", Trouble::Cursor);
    check(500, "UNKNOWN_EXCEPTION", Trouble::Passing);
    check(503, "SERVER_UNAVAILABLE", Trouble::Passing);
}

#[test]
fn answers_without_an_error_code_are_classified_by_status() {
    let check = |status: u16, body: &str, text: &str, expect: Trouble| {
        let error = refusal("describe", status, body);
        assert_eq!((error.to_string().as_str(), error.trouble()), (text, expect));
    };
    check(401, "", "describe: HTTP 401: Unauthorized", Trouble::Login);
    check(403, "<html>", "describe: HTTP 403: Forbidden", Trouble::Denied);
    check(404, "[]", "describe: HTTP 404: Not Found", Trouble::Denied);
    check(414, "{}", "describe: HTTP 414: URI Too Long", Trouble::Query);
    check(429, "null", "describe: HTTP 429: Too Many Requests", Trouble::Limit);
    check(302, "", "describe: HTTP 302: Found", Trouble::Passing);
    check(502, "<html>token</html>", "describe: HTTP 502: Bad Gateway", Trouble::Passing);
}

#[test]
fn a_refused_token_is_a_login_failure_unless_transient() {
    let check = |status: u16, body: &str, text: &str, expect: Trouble| {
        let error = refusal(TOKEN, status, body);
        assert_eq!((error.to_string().as_str(), error.trouble()), (text, expect));
    };
    let inactive = r#"{"error":"invalid_grant","error_description":"user hasn't approved this consumer"}"#;
    check(400, inactive, "token: invalid_grant: user hasn't approved this consumer", Trouble::Login);
    check(401, r#"{"error":"invalid_client"}"#, "token: invalid_client: ", Trouble::Login);
    check(404, "<html>", "token: HTTP 404: Not Found", Trouble::Login);
    check(503, "", "token: HTTP 503: Service Unavailable", Trouble::Passing);
    assert_eq!(Error::Key("private_key_file: cannot be read".to_owned()).trouble(), Trouble::Login);
}

#[test]
fn errors_of_the_pub_sub_api_are_classified_by_trailer_then_grpc() {
    let check = |grpc: Code, trailer: &str, expect: Trouble| {
        let mut metadata = MetadataMap::new();
        if !trailer.is_empty() {
            let code = format!("sfdc.platform.eventbus.grpc.{trailer}");
            metadata.insert("error-code", MetadataValue::try_from(code).unwrap());
        }
        let error = Error::status("subscribe", &Status::with_metadata(grpc, "some words", metadata));
        assert_eq!(error.trouble(), expect, "{grpc:?} {trailer}");
    };
    check(Code::InvalidArgument, "subscription.fetch.replayid.corrupted", Trouble::Replay);
    check(Code::InvalidArgument, "subscription.fetch.replayid.validation.failed", Trouble::Replay);
    check(Code::InvalidArgument, "subscription.fetch.requestedevents.invalid", Trouble::Denied);
    check(Code::InvalidArgument, "", Trouble::Denied);
    check(Code::Unauthenticated, "service.auth.error", Trouble::Login);
    check(Code::Unauthenticated, "", Trouble::Login);
    check(Code::Unknown, "service.auth.refresh.invalid", Trouble::Login);
    check(Code::ResourceExhausted, "concurrent.client.limit.exceeded", Trouble::Limit);
    check(Code::ResourceExhausted, "subscription.limit.exceeded", Trouble::Limit);
    check(Code::ResourceExhausted, "", Trouble::Limit);
    check(Code::PermissionDenied, "", Trouble::Denied);
    check(Code::NotFound, "topic.unknown", Trouble::Denied);
    check(Code::Unavailable, "service.unavailable", Trouble::Passing);
    for code in [Code::Unavailable, Code::Unknown, Code::Internal, Code::DeadlineExceeded, Code::Cancelled, Code::Ok] {
        check(code, "", Trouble::Passing);
    }
}

#[test]
fn the_text_of_a_stream_error_names_the_code() {
    let error = Error::status("topic", &Status::not_found("no such topic"));
    assert_eq!(error.to_string(), "topic: NotFound: no such topic");
}

#[test]
fn long_texts_are_truncated_between_characters() {
    let error =
        refusal("query", 400, &format!(r#"[{{"message":"{}","errorCode":"MALFORMED_QUERY"}}]"#, "é".repeat(400)));
    assert_eq!(error.to_string().len(), "query: MALFORMED_QUERY: ".len() + MAX_TEXT);
}
