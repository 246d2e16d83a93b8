//! Normalizes the kinds that read rows, files and pages.

use super::common::push_object;
use super::effect;
use crate::field::Field;
use crate::record::Record;
use crate::soql;
use model::{Activity, Effect, Outcome, Scope, Text, id};

/// Fills the view, its scope and its run.
pub(super) fn list_view(record: &Record<'_>, activity: &mut Activity) {
    activity.resource_id = record.id(&[Field::ListViewId]);
    activity.resource_name = record.first(&[Field::DeveloperName, Field::Name]);
    activity.scope = match record.str(Field::Scope) {
        Some(scope) => scope_from_text(scope),
        None => activity.resource_name.as_deref().and_then(scope_from_name),
    };
    activity.run = execution(record);
    succeeds_by_default(record, activity);
}

/// Fills the report, its scope and its run.
pub(super) fn report(record: &Record<'_>, activity: &mut Activity) {
    activity.resource_id = record.id(&[Field::ReportIdDerived, Field::ReportId, Field::UriIdDerived]);
    activity.resource_name = record.text(Field::Name);
    activity.scope = record.str(Field::Scope).and_then(scope_from_text);
    activity.run = execution(record);
    succeeds_by_default(record, activity);
}

/// Fills the report of an export. Its log file has no column for the report, but the URI contains the id.
pub(super) fn report_export(record: &Record<'_>, activity: &mut Activity) {
    activity.resource_id = record.id(&[Field::UriIdDerived]).or_else(|| record.str(Field::Uri).and_then(report_in_uri));
    activity.rows = None;
    succeeds_by_default(record, activity);
}

/// Fills the type of API, how far the query reaches, and the run.
pub(super) fn api(record: &Record<'_>, event_type: &str, activity: &mut Activity) {
    if matches!(event_type, "RestApi" | "ApexRestApi") {
        activity.api_type.get_or_insert(Text::const_new("REST"));
        effect::of_rest(record, event_type, activity);
    }
    query(record, activity);
    activity.run = query_run(record, activity);
    succeeds_by_default(record, activity);
}

/// Fills how far a query reaches, and puts the object that it reads first: Salesforce lists those of related fields, too, and
/// in the order of the alphabet.
pub(super) fn query(record: &Record<'_>, activity: &mut Activity) {
    let Some(query) = record.str(Field::Query).and_then(|text| soql::read(text, scope_from_text)) else { return };
    activity.scope = Some(query.scope);
    match activity.objects.iter().position(|object| object.eq_ignore_ascii_case(query.object)) {
        Some(place) => activity.objects.get_mut(..=place).unwrap_or_default().rotate_right(1),
        None if activity.objects.is_empty() => push_object(&mut activity.objects, query.object),
        None => {}
    }
}

/// Fills the job and its outcome.
pub(super) fn bulk_api(record: &Record<'_>, activity: &mut Activity) {
    activity.resource_id = record.id(&[Field::JobId]);
    activity.api_type.get_or_insert(Text::const_new("Bulk"));
    activity.outcome = match record.str(Field::JobStatus) {
        Some("JobComplete" | "Completed") => Outcome::Success,
        Some("Failed" | "Aborted") => Outcome::Failure,
        _ => activity.outcome,
    };
}

/// Fills the file.
pub(super) fn file(record: &Record<'_>, activity: &mut Activity) {
    activity.resource_id = record.id(&[Field::DocumentIdDerived, Field::DocumentId]);
    activity.resource_name = record.text(Field::FileName);
}

/// Fills the attachment or document.
pub(super) fn attachment(record: &Record<'_>, activity: &mut Activity) {
    activity.resource_id = record.id(&[Field::EntityId]);
    activity.resource_name = record.text(Field::FileName);
    succeeds_by_default(record, activity);
}

/// Fills the lens or dashboard from which data was downloaded.
pub(super) fn analytics_download(record: &Record<'_>, activity: &mut Activity) {
    activity.resource_id = record.id(&[Field::AssetId]);
    activity.rows = activity.rows.or_else(|| record.count(Field::DownloadedRows));
    if record.str(Field::DownloadError).is_some() {
        activity.outcome = Outcome::Failure;
    }
    succeeds_by_default(record, activity);
}

/// Fills the API and the operation: the method of REST, or the call of SOAP, which always posts.
pub(super) fn api_usage(record: &Record<'_>, activity: &mut Activity) {
    activity.api_type = record.text(Field::ApiFamily);
    let resource = record.text(Field::ApiResource);
    let is_call = |resource: &Text| !resource.contains('/');
    activity.operation = resource.filter(is_call).or_else(|| record.text(Field::HttpMethod));
    activity.effect = Effect::of(activity.kind, activity.operation.as_deref());
    effect::of_usage(record, activity);
    activity.rows = None;
    succeeds_by_default(record, activity);
}

/// Returns whether a guest made the request.
pub(super) fn is_by_guest(record: &Record<'_>) -> bool {
    record.str(Field::UserType).is_some_and(|kind| kind.eq_ignore_ascii_case("guest"))
}

/// Fills the actions: `name=milliseconds;name=milliseconds`.
pub(super) fn aura_request(record: &Record<'_>, activity: &mut Activity) {
    let actions = record.str(Field::ActionMessage).unwrap_or_default().split(';');
    for action in actions.filter_map(|action| action.split('=').next()) {
        push_object(&mut activity.objects, action.trim());
    }
    succeeds_by_default(record, activity);
}

/// Fills the page.
pub(super) fn uri(record: &Record<'_>, activity: &mut Activity) {
    activity.resource_id = record.id(&[Field::RecordId, Field::PageEntityId, Field::UriIdDerived]);
    activity.resource_name = record.text(Field::Name);
}

/// Sets the outcome to success if no field says how the request ended: Salesforce records reads that happened.
fn succeeds_by_default(record: &Record<'_>, activity: &mut Activity) {
    let has_status = [Field::OperationStatus, Field::RequestStatus, Field::StatusCode]
        .into_iter()
        .any(|field| record.str(field).is_some());
    if activity.outcome == Outcome::Unknown && !has_status {
        activity.outcome = Outcome::Success;
    }
}

/// Returns the run of a view or report: chunks of one execution share its identifier.
fn execution(record: &Record<'_>) -> Option<u64> {
    record.key(Field::ExecutionIdentifier).map(|execution| id::hash(execution.as_bytes()))
}

/// Returns the run of a query: its pages share session, user and text. White space in the text is ignored.
fn query_run(record: &Record<'_>, activity: &Activity) -> Option<u64> {
    let query = record.str(Field::Query)?;
    let mut run = Vec::with_capacity(query.len() + 64);
    for part in [activity.session_key.as_deref().unwrap_or_default(), activity.user_id.as_str()] {
        run.extend_from_slice(part.as_bytes());
        run.push(0);
    }
    for word in query.split_ascii_whitespace() {
        run.extend_from_slice(word.as_bytes());
        run.push(b' ');
    }
    Some(id::hash(&run))
}

/// Returns the scope that Salesforce spells `scope`.
fn scope_from_text(scope: &str) -> Option<Scope> {
    const SCOPES: [(&str, Scope); 11] = [
        ("Mine", Scope::Own),
        ("Delegated", Scope::Own),
        ("user", Scope::Own),
        ("MineAndMyGroups", Scope::Group),
        ("Queue", Scope::Group),
        ("Team", Scope::Team),
        ("MyTerritory", Scope::Team),
        ("MyTeamTerritory", Scope::Team),
        ("Everything", Scope::All),
        ("organization", Scope::All),
        ("All", Scope::All),
    ];
    SCOPES.iter().find(|(name, _)| name.eq_ignore_ascii_case(scope)).map(|(_, scope)| *scope)
}

/// Infers the scope from a list view's name: `AllAccounts`, `My_Team_Cases`, `MyOpportunities`.
fn scope_from_name(name: &str) -> Option<Scope> {
    let starts = |word: &str| name.strip_prefix(word).is_some_and(|rest| !rest.starts_with(|c: char| c.is_lowercase()));
    if starts("All") {
        Some(Scope::All)
    } else if name.contains("Team") {
        Some(Scope::Team)
    } else if starts("My") {
        Some(Scope::Own)
    } else {
        None
    }
}

/// Returns the first id of a report in a URI.
fn report_in_uri(uri: &str) -> Option<Text> {
    let is_report = |part: &&str| part.starts_with("00O") && matches!(part.len(), 15 | 18);
    uri.split(|c: char| !c.is_ascii_alphanumeric()).find(is_report).map(id::normalize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_by_name() {
        let check = |name, expect| assert_eq!(scope_from_name(name), expect, "{name}");
        check("MyOpportunities", Some(Scope::Own));
        check("My_Cases", Some(Scope::Own));
        check("My Accounts", Some(Scope::Own));
        check("MyTeamCases", Some(Scope::Team));
        check("AllAccounts", Some(Scope::All));
        check("All_Sales_Strategy_Plans", Some(Scope::All));
        check("Mystery", None);
        check("Allocated", None);
        check("RecentlyViewed", None);
    }

    #[test]
    fn scopes_by_text_in_any_case() {
        let check = |text, expect| assert_eq!(scope_from_text(text), expect, "{text}");
        check("everything", Some(Scope::All));
        check("organization", Some(Scope::All));
        check("MINE", Some(Scope::Own));
        check("MineAndMyGroups", Some(Scope::Group));
        check("team", Some(Scope::Team));
        check("galaxy", None);
    }

    #[test]
    fn reports_are_found_in_uris() {
        let check = |uri, expect: Option<&str>| assert_eq!(report_in_uri(uri).as_deref(), expect, "{uri}");
        check("/00O30000000jCGS", Some("00O30000000jCGSEA2"));
        check("/servlet/PrintableViewDownloadServlet?isdtp=p1&reportId=00O30000000jCGSEA2", Some("00O30000000jCGSEA2"));
        check("/home", None);
    }
}
