//! Normalizes the objects behind the downloads of Setup: Login History and the Setup Audit Trail.

use crate::field::Field;
use crate::record::Record;
use model::{Activity, Attribute, Delegate, Outcome, Text};

/// Fields that have the time of an entry, by download and by object.
pub(super) const TIMES: &[(Field, &str)] = &[(Field::SetupTime, "LoginTime"), (Field::CreatedDate, "CreatedDate")];

/// Returns the username of the account that made a change.
pub(super) fn username(record: &Record<'_>) -> Option<Text> {
    let created_by = || {
        let mut username = None;
        crate::json::each_member(record.str(Field::CreatedBy)?, |name, value| {
            if name.eq_ignore_ascii_case("Username") {
                username = serde_json::from_str::<String>(value.get()).ok();
            }
        })
        .ok()?;
        username.map(Text::from)
    };
    record.first(&[Field::SetupUser, Field::CreatedByUsername]).or_else(created_by)
}

/// Fills the change. The object has a code for it and a sentence; the download has only the sentence, in a column that is
/// called as that of the code.
pub(super) fn change(record: &Record<'_>, activity: &mut Activity) {
    let (action, sentence) = (record.text(Field::SetupAction), record.text(Field::Display));
    let is_sentence = sentence.is_none() && action.as_ref().is_some_and(|action| action.contains(' '));
    (activity.operation, activity.resource_name) = if is_sentence { (None, action) } else { (action, sentence) };
    activity.received_at = None;
    activity.outcome = Outcome::Success;
    let username = record.text(Field::DelegateUser);
    activity.delegate = username.map(|username| Box::new(Delegate { username: Some(username), ..Delegate::default() }));
    let section = record.text(Field::Section).map(|value| Attribute { name: Text::const_new("Section"), value });
    activity.attributes.extend(section);
}
