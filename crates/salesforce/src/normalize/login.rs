//! Normalizes logins and LoginAs events.

use crate::field::Field;
use crate::record::Record;
use model::{Activity, Delegate, Outcome, Text};

/// Fills the status, outcome and type of a login.
pub(super) fn login(record: &Record<'_>, activity: &mut Activity) {
    // The status is free text. Only these two values mean success.
    activity.status = record.first(&[Field::Status, Field::LoginStatus]);
    activity.outcome = match activity.status.as_deref() {
        Some(status) if status.eq_ignore_ascii_case("success") || status == "LOGIN_NO_ERROR" => Outcome::Success,
        Some(_) => Outcome::Failure,
        None => Outcome::Unknown,
    };
    if let Some(text) = activity.login_type.as_deref().and_then(login_type) {
        activity.login_type = Some(Text::const_new(text));
    }
}

/// Fills the administrator who acts as the user.
pub(super) fn login_as(record: &Record<'_>, activity: &mut Activity) {
    let delegate = Delegate {
        username: record.text(Field::DelegatedUsername),
        user_id: record.id(&[Field::DelegatedUserIdDerived, Field::DelegatedUserId]),
        org_id: record.id(&[Field::DelegatedOrgId]),
    };
    activity.delegate = (delegate != Delegate::default()).then(|| Box::new(delegate));
    if activity.outcome == Outcome::Unknown {
        activity.outcome = Outcome::Success;
    }
}

/// Returns the name of a login type that log files write as a letter (LOGIN_TYPE in the reference of the Login event type).
fn login_type(letter: &str) -> Option<&'static str> {
    Some(match letter {
        "A" => "Application",
        "i" => "Remote Access 2.0",
        "I" => "Other Apex API",
        "8" => "SAML Sfdc Initiated SSO",
        "5" => "SAML Idp Initiated SSO",
        "6" => "Remote Access Client",
        "7" => "AppExchange",
        "3" => "Customer Service Portal",
        "R" => "Partner Product",
        "E" => "SelfService",
        "j" => "Third Party SSO",
        "r" => "Employee Login to Community",
        "s" => "Certificate-based login",
        "w" => "Passwordless Login",
        "z" => "Lightning Login",
        _ => return None,
    })
}
