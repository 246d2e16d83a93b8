//! The fields of each type of record.

use super::text::Record;
use crate::catalog::Breadth;
use crate::event::{Api, Body, Event, LoginKind, Session, Threat, ThreatKind};
use crate::ids;

/// Writes session, address and policy, which nearly all types have.
pub(super) fn session(event: &Event, record: &mut Record<'_>) {
    let session = &event.session;
    let failed = matches!(event.body, Body::Login { status, .. } if status != "Success");
    if event.is_detached() {
        for name in ["LoginKey", "SessionKey", "SessionLevel", "SourceIp", "LoginHistoryId"] {
            record.null(name);
        }
    } else {
        record.text("LoginKey", &session.login_key);
        let keyless = matches!(event.body, Body::Login { .. });
        record.optional_text("SessionKey", (!keyless).then_some(session.session_key.as_str()));
        record.optional_text("SessionLevel", (!failed).then_some(session.level));
        record.text("SourceIp", if event.internal { "Salesforce.com IP" } else { &session.ip });
        if !matches!(
            event.body,
            Body::LightningUri { .. } | Body::Uri { .. } | Body::Logout | Body::File { .. } | Body::Threat(_)
        ) {
            record.text("LoginHistoryId", &session.login_history_id);
        }
    }
    if !matches!(event.body, Body::LightningUri { .. } | Body::Uri { .. } | Body::Logout | Body::LoginAs { .. }) {
        record.null("PolicyId");
        record.null("PolicyOutcome");
        record.double("EvaluationTime", Some(0.0));
    }
    if matches!(
        event.body,
        Body::ListView { .. }
            | Body::Report { .. }
            | Body::Api { .. }
            | Body::Write { .. }
            | Body::Login { .. }
            | Body::Uri { .. }
    ) {
        record.text("ProfileId", &event.identity.profile_id);
        record.text("RoleId", &event.identity.role_id);
    }
}

/// Writes the fields of the type.
pub(super) fn body(event: &Event, record: &mut Record<'_>) {
    match &event.body {
        Body::ListView { .. } => list_view(event, record),
        Body::Report { .. } => report(event, record),
        Body::Api { .. } => api(event, record),
        Body::Write { .. } => write(event, record),
        Body::Login { status, kind } => login(event, status, *kind, record),
        Body::LoginAs { admin } => {
            record.text("DelegatedUsername", &admin.username);
            record.text("DelegatedOrganizationId", ids::short(&admin.org_id));
            record.text("LoginAsCategory", "OrgAdmin");
            record.text("Application", "Browser");
            record.text("Browser", &event.session.client.browser);
            record.text("Platform", event.session.client.platform);
            record.text("LoginType", "Application");
            record.text("TargetUrl", "/home/home.jsp");
            record.text("UserType", event.identity.user_type);
        }
        Body::Logout => {}
        Body::LightningUri { object, record: number, operation, duration } => {
            let id = ids::salesforce_id("a01", *number);
            record.text("AppName", "one:one");
            record.null("ConnectionType");
            record.text("DevicePlatform", "SFX:BROWSER:DESKTOP");
            record.text("DeviceSessionId", &ids::key(number ^ 0x5eed, 16));
            record.double("Duration", Some(f64::from(*duration)));
            record.double("EffectivePageTime", Some(f64::from(*duration / 2)));
            record.truth("HasEffectivePageTimeDeviation", false);
            record.text("Operation", operation);
            record.text("OsName", if event.session.client.platform.starts_with("Mac") { "OSX" } else { "Windows" });
            record.date("PageStartTime", event.at - i64::from(*duration));
            record.text("PageUrl", &format!("/lightning/r/{object}/{id}/view"));
            record.text("PreviousPageUrl", "/lightning/page/home");
            record.text("QueriedEntities", object);
            record.text("RecordId", &id);
            record.text("UserAgent", &event.session.client.user_agent);
            record.text("UserType", event.identity.user_type);
        }
        Body::Uri { object, record: number, operation } => {
            record.null("Message");
            record.text("Name", &format!("{object} {}", number % 10_000));
            record.text("Operation", operation);
            record.text("OperationStatus", "Success");
            record.text("QueriedEntities", object);
            record.text("RecordId", &ids::salesforce_id("a01", *number));
            record.text("UserType", event.identity.user_type);
        }
        Body::BulkApiResult { query, .. } => record.text("Query", &query.text),
        Body::File { action, document, bytes, file_type } => {
            record.truth("CanDownloadPdf", *file_type == "PDF");
            record.integer("ContentSize", *bytes);
            record.text("DocumentId", &ids::salesforce_id("069", *document));
            record.text("FileAction", action);
            record.text("FileName", &format!("Document {}", document % 10_000));
            record.text("FileSource", "S");
            record.text("FileType", file_type);
            record.truth("IsLatestVersion", true);
            record.double("ProcessDuration", Some((bytes / 10_000) as f64));
            record.text("VersionId", &ids::salesforce_id("068", *document));
            record.text("VersionNumber", "1");
        }
        Body::PermissionSet { operation, permission, impacted } => {
            record.text("EventSource", "Lightning");
            record.truth("HasExternalUsers", false);
            record.text("ImpactedUserIds", &format!("[\"{}\"]", impacted.user_id));
            record.text("Operation", operation);
            record.text(
                "ParentIdList",
                &format!("[\"{}\"]", ids::salesforce_id("0PS", permission.bytes().map(u64::from).sum())),
            );
            record.text("ParentNameList", &format!("[\"{permission}_Access\"]"));
            record.text("PermissionList", &format!("[\"{permission}\"]"));
            record.text("PermissionType", "UserPermission");
            record.text("UserCount", "1");
        }
        Body::Threat(threat) => self::threat(event, threat, record),
    }
}

fn list_view(event: &Event, record: &mut Record<'_>) {
    let Body::ListView { view, rows, execution, sequence, lower_scope } = &event.body else { return };
    let scope = match view.breadth {
        Breadth::Mine => "Mine",
        Breadth::Team => "Team",
        Breadth::Filtered | Breadth::All if *lower_scope => "everything",
        Breadth::Filtered | Breadth::All => "Everything",
    };
    let named = Some(view.developer_name.as_str()).filter(|name| !name.is_empty());
    record.uuid("ExecutionIdentifier", *execution);
    record.integer("Sequence", u64::from(*sequence));
    record.text("QueriedEntities", view.object);
    record.optional_text("DeveloperName", Some(view.developer_name.as_str()));
    record.optional_text("Name", named);
    record.optional_text("ListViewId", named.map(|_| view.id.as_str()));
    record.double("RowsProcessed", *rows);
    record.text("ColumnHeaders", view.columns);
    record.integer("NumberOfColumns", u64::from(view.column_count));
    record.text("OrderBy", "[Name ASC NULLS FIRST, Id ASC NULLS FIRST]");
    record.text("AppName", "one:one");
    record.text("EventSource", "Lightning");
    record.text("Scope", scope);
    record.null("Records");
}

fn report(event: &Event, record: &mut Record<'_>) {
    let Body::Report { report, operation, rows, execution, sequence } = &event.body else { return };
    record.uuid("ExecutionIdentifier", *execution);
    record.integer("Sequence", u64::from(*sequence));
    record.text("ReportId", &report.id);
    record.text("Name", &report.name);
    record.text("QueriedEntities", report.objects);
    record.text("Operation", operation);
    // Some exports have no format, as in real records.
    let has_format = operation.starts_with("ReportExported") && execution % 3 != 0;
    record.optional_text("ExportFileFormat", has_format.then_some(if execution % 2 == 0 { "CSV" } else { "Excel" }));
    record.text("Format", report.format);
    record.text("Scope", report.scope);
    record.truth("IsScheduled", *operation == "ReportScheduled");
    record.double("RowsProcessed", *rows);
    record.integer("NumberOfColumns", u64::from(report.column_count));
    record.text("ColumnHeaders", "[NAME, OWNER, CREATED_DATE, LAST_UPDATE]");
    record.null("DashboardId");
    record.null("Description");
    record.text("EventSource", if operation.ends_with("Classic") { "Classic" } else { "Lightning" });
    record.text("OwnerId", &event.identity.user_id);
    record.null("Records");
}

fn api(event: &Event, record: &mut Record<'_>) {
    let Body::Api { query, operation, rows, returned, shows_returned, request, api } = &event.body else { return };
    called(api, record);
    record.integer("ElapsedTime", 40 + (returned / 8.0) as u64);
    record.text("Operation", operation);
    record.text("Platform", "Unknown");
    record.text("QueriedEntities", query.objects);
    record.text("Query", &query.text);
    record.text("RequestIdentifier", &ids::key(*request, 22));
    record.double("RowsProcessed", *rows);
    if *shows_returned {
        record.double("RowsReturned", Some(*returned));
    }
    record.text("UserAgent", &event.session.client.user_agent);
    record.null("Records");
}

/// Writes a record of a write, in the words of a query's. Salesforce stores fewer of them than this; log files have all.
fn write(event: &Event, record: &mut Record<'_>) {
    let Body::Write { operation, object, rows, request, api } = &event.body else { return };
    let [stored, ..] = operation.words();
    called(api, record);
    record.integer("ElapsedTime", 60 + (rows / 4.0) as u64);
    record.text("Operation", stored);
    record.text("Platform", "Unknown");
    record.text("QueriedEntities", object);
    record.null("Query");
    record.text("RequestIdentifier", &ids::key(*request, 22));
    record.double("RowsProcessed", Some(*rows));
    record.text("UserAgent", &event.session.client.user_agent);
    record.null("Records");
}

/// Writes the API that was called, and by which application.
fn called(api: &Api, record: &mut Record<'_>) {
    let Api { api_type, application, client, connected_app } = api;
    let app_id = connected_app.map(|number| ids::salesforce_id("0H4", number));
    record.text("AdditionalInfo", "{}");
    record.text("ApiType", api_type);
    record.double("ApiVersion", Some(62.0));
    record.text("Application", application);
    record.text("Client", client);
    record.optional_text("ConnectedAppId", app_id.as_deref());
}

fn login(event: &Event, status: &str, kind: LoginKind, record: &mut Record<'_>) {
    let Session { client, location, .. } = &*event.session;
    let oauth = kind != LoginKind::Application;
    let application = match kind {
        LoginKind::Application => "Browser",
        LoginKind::Oauth => "Lumen Sync",
        LoginKind::App(name) => name,
    };
    record.text("AdditionalInfo", "{}");
    record.text("ApiType", "N/A");
    record.text("ApiVersion", if oauth { "62.0" } else { "N/A" });
    record.text("Application", application);
    record.text("Browser", &client.browser);
    record.text("CipherSuite", "ECDHE-RSA-AES256-GCM-SHA384");
    record.text("City", location.city);
    record.text("ClientVersion", "N/A");
    record.text("Country", location.country);
    record.text("CountryIso", location.iso);
    record.text("HttpMethod", "POST");
    record.double("LoginLatitude", Some(location.latitude));
    record.double("LoginLongitude", Some(location.longitude));
    record.text("LoginType", if oauth { "Remote Access 2.0" } else { "Application" });
    record.optional_text("LoginSubType", oauth.then_some("OAuth Username-Password"));
    record.text("LoginUrl", "lumenworks.my.salesforce.example");
    record.text("Platform", client.platform);
    record.text("PostalCode", location.postal_code);
    record.text("Status", status);
    record.text("Subdivision", location.subdivision);
    record.text("TlsProtocol", "TLS 1.3");
    record.text("UserType", event.identity.user_type);
}

fn threat(event: &Event, threat: &Threat, record: &mut Record<'_>) {
    let number = format!("{:010}", event.id % 10_000_000_000);
    record.double("Score", Some((threat.score * 10_000.0).round() / 10_000.0));
    record.text("Summary", &threat.summary);
    record.text("SecurityEventData", &threat.data);
    match threat.kind {
        ThreatKind::ApiAnomaly => {
            record.text("ApiAnomalyEventNumber", &number);
            record.text("Operation", "Query");
            record.text("QueriedEntities", &threat.objects);
            record.text("RequestIdentifier", &ids::key((event.id >> 64) as u64, 22));
            record.double("RowsProcessed", Some(threat.rows));
            record.text("Uri", "/services/data/v62.0/query");
            record.text("UserAgent", &event.session.client.user_agent);
        }
        ThreatKind::ReportAnomaly => {
            record.text("ReportAnomalyEventNumber", &number);
            record.text("Report", &ids::salesforce_id("00O", (event.id >> 80) as u64));
        }
        ThreatKind::SessionHijacking => {
            record.text("SessionHijackingEventNumber", &number);
            record.text("CurrentIp", &event.session.ip);
            record.text("CurrentUserAgent", &event.session.client.user_agent);
            record.text("CurrentPlatform", event.session.client.platform);
            if let Some(previous) = &threat.previous {
                record.text("PreviousIp", &previous.ip);
                record.text("PreviousUserAgent", &previous.client.user_agent);
                record.text("PreviousPlatform", previous.client.platform);
            }
        }
    }
}
