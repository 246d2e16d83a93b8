//! What shows that members are those of an event.

use super::Member;
use crate::field::{self, Field, Meaning};
use crate::normalize;

/// What shows that members are those of an event.
#[derive(Default)]
pub(super) struct Signs {
    /// They say an event's type.
    pub(super) is_typed: bool,
    /// They say it as Salesforce does.
    is_typed_by_salesforce: bool,
    /// They have an event's time.
    is_timed: bool,
    /// How many fields there are that only events have.
    specific: usize,
    /// They name a user.
    is_named: bool,
    /// They have the time at which a record was written: of a change in Setup, when it happened.
    is_dated: bool,
    /// How many fields there are that only changes in Setup have.
    of_setup: usize,
}

impl Signs {
    pub(super) fn of(members: &[Member<'_>]) -> Self {
        let mut signs = Self::default();
        for (name, value) in members {
            if name == "attributes" {
                signs.is_typed_by_salesforce |=
                    value.members_type().is_some_and(|name| normalize::is_event_type(&name));
                continue;
            }
            let is_known_type =
                || value.scalar().is_some_and(|it| it.is_text(|text| normalize::known_type(text).is_some()));
            match field::meaning(name) {
                Meaning::Field(Field::EventType, _) if name == "EVENT_TYPE" => signs.is_typed_by_salesforce = true,
                Meaning::Field(Field::EventType, _) => signs.is_typed |= is_known_type(),
                Meaning::Field(Field::ObjectType, _) => signs.is_typed_by_salesforce = true,
                Meaning::Field(Field::EventDate | Field::TimestampDerived | Field::SetupTime, _) => {
                    signs.is_timed = true
                }
                Meaning::Field(Field::CreatedDate, _) => signs.is_dated = true,
                Meaning::Field(field, _) if is_of_setup(field) => signs.of_setup += 1,
                Meaning::Field(Field::Timestamp, _) => signs.is_timed |= &**name != "timestamp",
                Meaning::Field(Field::Username | Field::DelegatedUsername, _) => signs.is_named = true,
                Meaning::Field(field, _) => signs.specific += usize::from(is_specific(field)),
                Meaning::Dropped | Meaning::Unknown => {}
            }
        }
        signs.is_typed |= signs.is_typed_by_salesforce;
        signs
    }

    /// Whether the members are those of an event, or of a part of one.
    pub(super) fn are_of_an_event(&self) -> bool {
        self.is_timed || self.specific > 1
    }

    /// Whether nothing within can be meant instead.
    pub(super) fn are_certain(&self) -> bool {
        self.is_typed_by_salesforce && (self.is_timed || self.is_dated && self.of_setup > 0) && self.specific > 0
    }

    /// An event has a time, and says its type or has two fields that only events have. One is enough if its type is known
    /// from outside, and so is a username.
    pub(super) fn are_of_a_record(&self, is_typed_outside: bool) -> bool {
        let is_change = (self.is_timed || self.is_dated) && self.of_setup > 1;
        let is_event = self.is_typed || self.specific > 1 || is_typed_outside && (self.specific > 0 || self.is_named);
        is_change || self.is_dated && self.is_typed || self.is_timed && is_event
    }
}

/// Returns whether a field's name is one that only Salesforce's events have.
pub(super) fn is_specific(field: Field) -> bool {
    matches!(
        field,
        Field::EventIdentifier
            | Field::UserId
            | Field::UserIdentifier
            | Field::UserIdDerived
            | Field::OrgId
            | Field::RequestId
            | Field::SessionKey
            | Field::LoginKey
            | Field::LoginType
            | Field::LoginStatus
            | Field::SourceIp
            | Field::ClientIp
            | Field::QueriedEntities
            | Field::Rows
            | Field::RowsReturned
            | Field::ExecutionIdentifier
            | Field::DeveloperName
            | Field::ReportId
            | Field::DocumentId
            | Field::PermissionList
    )
}

/// Returns whether a field's name is one that only changes in Setup have.
pub(super) fn is_of_setup(field: Field) -> bool {
    matches!(field, Field::SetupAction | Field::Display | Field::Section | Field::DelegateUser)
}
