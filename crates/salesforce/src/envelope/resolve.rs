//! Decides which of a record's members are Salesforce's, and which a collector has added.

use super::signs::{is_of_setup, is_specific};
use super::{Found, Member};
use crate::field::{Field, LONGEST, Marks, Meaning, fold, identifies, meaning, plain};
use crate::fingerprint::{Fingerprint, NameHash};
use crate::normalize;
use crate::record::{Record, Scalar};
use crate::shape::ColumnUse;
use crate::types::{Suggested, TypeNames, by_columns};
use model::Channel;
use std::borrow::Cow;

/// A record with one value for each field, and what suggests its type.
pub(crate) struct Resolved<'a> {
    pub(crate) record: Record<'a>,
    pub(crate) suggested: Suggested,
}

/// A member with a field that its name may stand for.
struct Candidate<'a, 'm> {
    field: Field,
    marks: Marks,
    member: &'m Member<'a>,
}

impl<'a> Resolved<'a> {
    /// Chooses a value for each field.
    ///
    /// A name that Salesforce does not have in this channel is an attribute, and so is one in another style than the
    /// record's time: `status` where there is `LOGIN_STATUS`, `username` where there is `EventDate`. They displace
    /// nothing; only what a record lacks is taken from such a name: its user, and what only Salesforce names so.
    pub(crate) fn of(found: &Found<'_, 'a>, names: TypeNames) -> Self {
        let candidates: Vec<_> = found.members.iter().filter_map(candidate).collect();
        let suggested = suggested(found, names);
        let own = Own::of(&candidates, &suggested);
        let (mut record, used) = own.fill(&candidates);
        for (candidate, _) in candidates.iter().zip(used).filter(|(_, used)| !used) {
            set_attribute(&mut record, candidate.member);
        }
        let is_unknown = |(name, _): &&Member<'_>| meaning(name) == Meaning::Unknown && name != "attributes";
        for member in found.members.iter().filter(is_unknown) {
            set_attribute(&mut record, member);
        }
        if let Some(org) = &found.hints.org {
            record.set(Field::OrgId, Scalar::Text(Cow::Owned(org.as_str().to_owned())));
        }
        Self { record, suggested }
    }
}

/// Returns what is done with each member of a record.
pub(crate) fn uses<'f>(found: &'f Found<'_, '_>, names: TypeNames) -> impl Iterator<Item = (&'f str, ColumnUse)> {
    let candidates: Vec<_> = found.members.iter().filter_map(candidate).collect();
    let (_, used) = Own::of(&candidates, &suggested(found, names)).fill(&candidates);
    let mut used = used.into_iter();
    found.members.iter().map(move |member| {
        let name = member.0.as_ref();
        match candidate(member).filter(|_| used.next().unwrap_or_default()) {
            Some(candidate) => (name, ColumnUse::Field(candidate.field.name())),
            None if meaning(name) == Meaning::Dropped => (name, ColumnUse::Passed),
            None => (name, ColumnUse::Attribute),
        }
    })
}

/// Which of the candidates are Salesforce's.
struct Own {
    channel: Marks,
    style: Marks,
}

impl Own {
    fn of(candidates: &[Candidate<'_, '_>], suggested: &Suggested) -> Self {
        let channel = Marks::of_form(candidates, suggested);
        Self { channel, style: style_of(candidates, channel) }
    }

    /// Fills a record. Returns for each candidate whether it is the record's, also if another one has the same value.
    fn fill<'a>(&self, candidates: &[Candidate<'a, '_>]) -> (Record<'a>, Vec<bool>) {
        let mut record = Record::new();
        let mut used = vec![false; candidates.len()];
        let is_own =
            |candidate: &Candidate<'_, '_>| candidate.marks.has(self.channel) && candidate.marks.has(self.style);
        for (candidate, used) in candidates.iter().zip(&mut used).filter(|(candidate, _)| is_own(candidate)) {
            candidate.set(&mut record);
            *used = true;
        }
        let identity = [Field::UserIdDerived, Field::UserId, Field::Username];
        let has_no_user = identity.iter().all(|field| *record.get(*field) == Scalar::Null);
        let is_wanted = |candidate: &Candidate<'_, '_>| {
            has_no_user && identity.contains(&candidate.field)
                || candidate.is_org_id()
                || candidate.names_a_type()
                || candidate.marks.has(self.channel) && is_salesforces_alone(candidate.field)
        };
        for (candidate, used) in candidates.iter().zip(&mut used).filter(|(candidate, _)| is_wanted(candidate)) {
            if *record.get(candidate.field) == Scalar::Null {
                candidate.set(&mut record);
                *used = true;
            }
        }
        (record, used)
    }
}

fn suggested(found: &Found<'_, '_>, names: TypeNames) -> Suggested {
    let short = found.members.iter().filter(|(name, _)| name.len() <= LONGEST);
    let columns: Vec<_> = short.map(|(name, _)| fold(plain(name))).collect();
    let columns = by_columns(|column| columns.iter().any(|known| known == column));
    Suggested { envelope: found.hints.event_type, columns, names }
}

/// Returns the fingerprint of a record's content: the same as without envelopes.
pub(crate) fn fingerprint(members: &[Member<'_>]) -> u64 {
    let candidates: Vec<_> = members.iter().filter_map(candidate).collect();
    let style = style_of(&candidates, Marks::ALL);
    let mut fingerprint = Fingerprint::default();
    for (name, value) in members {
        if let Some(content) = value.content().filter(|_| identifies(name, style)) {
            fingerprint.add(NameHash::new(name), content.as_bytes());
        }
    }
    fingerprint.value()
}

impl Marks {
    /// Returns the mark of the channel that a record has come by: of its type, or else of the time that it has.
    fn of_form(candidates: &[Candidate<'_, '_>], suggested: &Suggested) -> Self {
        let mut probe = Record::new();
        // Names in Salesforce's own styles say the type, if there are any.
        let (other, own): (Vec<_>, Vec<_>) = candidates.iter().partition(|candidate| candidate.marks.is_other());
        for candidate in own.into_iter().chain(other) {
            let says_type =
                matches!(candidate.field, Field::Channel | Field::ObjectType | Field::EventType | Field::EventDate);
            if says_type {
                candidate.set(&mut probe);
            }
        }
        match normalize::channel_of(&probe, suggested) {
            // Some exports write stored events as rows of log files.
            Some(Channel::Stream | Channel::Stored) if *probe.get(Field::EventType) != Scalar::Null => {
                Self::EVENT.or(Self::LOG)
            }
            Some(channel) => Self::of(channel),
            None if *probe.get(Field::EventDate) != Scalar::Null => Self::EVENT,
            None => Self::LOG,
        }
    }
}

/// Returns the style of a record: Salesforce's own in which its time or type is written, where that has several words; else
/// the one in which most names are written that only events have.
fn style_of(candidates: &[Candidate<'_, '_>], channel: Marks) -> Marks {
    let is_time = |field: Field| {
        matches!(
            field,
            Field::EventDate | Field::TimestampDerived | Field::Timestamp | Field::SetupTime | Field::CreatedDate
        )
    };
    let of_channel = candidates.iter().filter(|candidate| candidate.marks.has(channel));
    let own = [Marks::PASCAL, Marks::UPPER].into_iter().find(|style| {
        let mut times =
            of_channel.clone().filter(|candidate| is_time(candidate.field) && candidate.field != Field::CreatedDate);
        times.any(|time| time.marks.has(*style) && !time.marks.has(Marks::OTHER))
    });
    let shows = |field: Field| is_time(field) || is_specific(field) || is_of_setup(field);
    let specific = of_channel.filter(|candidate| shows(candidate.field));
    let count = |style: &Marks| specific.clone().filter(|candidate| candidate.marks.has(*style)).count();
    // Of equal counts, `max_by_key` takes the last.
    let most = || [Marks::OTHER, Marks::UPPER, Marks::PASCAL].into_iter().max_by_key(count);
    own.or_else(most).unwrap_or(Marks::OTHER)
}

/// Returns whether a field's name is one that no collector gives to something of its own.
fn is_salesforces_alone(field: Field) -> bool {
    matches!(
        field,
        Field::EventIdentifier
            | Field::Rows
            | Field::RowsReturned
            | Field::QueriedEntities
            | Field::ExecutionIdentifier
            | Field::DeveloperName
            | Field::LoginStatus
            | Field::LoginKey
            | Field::PermissionList
    )
}

fn candidate<'a, 'm>(member: &'m Member<'a>) -> Option<Candidate<'a, 'm>> {
    if member.0 == "attributes" {
        return Some(Candidate { field: Field::ObjectType, marks: Marks::ALL, member });
    }
    match meaning(&member.0) {
        Meaning::Field(field, marks) => Some(Candidate { field, marks, member }),
        Meaning::Dropped | Meaning::Unknown => None,
    }
}

impl<'a> Candidate<'a, '_> {
    /// Returns whether this is an org by name and value, in whatever style.
    fn is_org_id(&self) -> bool {
        let is_id = |text: &str| text.starts_with("00D") && matches!(text.len(), 15 | 18);
        self.field == Field::OrgId && self.member.1.scalar().is_some_and(|value| value.is_text(is_id))
    }

    /// Returns whether this is a type of event by name and value, in whatever style.
    fn names_a_type(&self) -> bool {
        let value = || self.member.1.scalar();
        self.field == Field::EventType
            && value().is_some_and(|it| it.is_text(|text| normalize::known_type(text).is_some()))
    }

    fn set(&self, record: &mut Record<'a>) {
        let (name, value) = self.member;
        if name == "attributes" {
            if let Some(kind) = value.members_type() {
                record.set(self.field, Scalar::Text(Cow::Owned(kind)));
            }
            return;
        }
        let holds_json = matches!(
            self.field,
            Field::SecurityEventData
                | Field::PermissionList
                | Field::ImpactedUserIds
                | Field::ParentNameList
                | Field::CreatedBy
        );
        let scalar = if holds_json { value.scalar_or_json() } else { value.scalar() };
        match scalar {
            Some(scalar) => record.set(self.field, scalar),
            None => record.set_unread(self.field),
        }
    }
}

fn set_attribute<'a>(record: &mut Record<'a>, member: &Member<'a>) {
    if let Some(scalar) = member.1.scalar_or_json() {
        record.set_unknown(member.0.clone(), scalar);
    }
}
