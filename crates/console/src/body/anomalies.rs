//! Records of incidents in the forms of other systems.

use super::{Eyes, time};
use forms::tenant::Field;
use forms::{ApiAnomalyEvent, Description, FieldDescription, FieldType, Property, TenantSecurityApiAnomaly};
use model::Decision;
use serde::{Serialize, Serializer};
use std::collections::BTreeMap;
use std::sync::Arc;
use store::Role;
use utoipa::openapi::schema::{ObjectBuilder, Schema, SchemaType, Type};
use utoipa::openapi::{KnownFormat, RefOr, SchemaFormat};
use utoipa::{PartialSchema, ToSchema};

/// The answer to a query.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum Queried {
    /// Records, where the query has no `group`.
    Records(Records),
    /// Groups, where it has.
    Groups(Groups),
}

/// A page of records.
#[derive(Serialize, ToSchema)]
pub(crate) struct Records {
    /// The records, each with the fields that were asked for.
    pub(crate) records: Vec<Record>,
    /// Whether these are the last ones.
    pub(crate) done: bool,
    /// Send it as `cursor` for the next page; null on the last one.
    pub(crate) next_cursor: Option<String>,
}

/// How many records have the same values.
#[derive(Serialize, ToSchema)]
pub(crate) struct Groups {
    /// The groups.
    pub(crate) groups: Vec<GroupBody>,
    /// Whether these are all; otherwise ask for more by `limit`, or for fewer records.
    pub(crate) done: bool,
}

/// A combination of values.
#[derive(Serialize, ToSchema)]
#[schema(as = Group)]
pub(crate) struct GroupBody {
    /// The value of each field of `group`; null where the records have none.
    pub(crate) values: BTreeMap<&'static str, Option<String>>,
    /// How many records have them.
    #[schema(minimum = 1)]
    pub(crate) count: u64,
}

/// A record with some of its fields.
pub(crate) struct Record {
    pub(crate) record: TenantSecurityApiAnomaly,
    pub(crate) fields: Arc<[Field]>,
}

impl Serialize for Record {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.record.select(&self.fields).serialize(serializer)
    }
}

impl PartialSchema for Record {
    fn schema() -> RefOr<Schema> {
        schema_of(&forms::tenant::DESCRIPTION, "An incident as Salesforce's Security Center stores anomalies.")
    }
}

impl ToSchema for Record {
    fn name() -> std::borrow::Cow<'static, str> {
        forms::tenant::DESCRIPTION.name.into()
    }
}

/// An event.
#[derive(Serialize)]
#[serde(transparent)]
pub(crate) struct EventBody(pub(crate) ApiAnomalyEvent);

impl PartialSchema for EventBody {
    fn schema() -> RefOr<Schema> {
        schema_of(&forms::event::DESCRIPTION, "A change of an incident as Salesforce's event stream has anomalies.")
    }
}

impl ToSchema for EventBody {
    fn name() -> std::borrow::Cow<'static, str> {
        forms::event::DESCRIPTION.name.into()
    }
}

/// Events in the order of the stream.
#[derive(Serialize, ToSchema)]
pub(crate) struct Events {
    /// The events.
    pub(crate) items: Vec<EventBody>,
    /// Send it as `after` for those that follow, now or later.
    pub(crate) next_after: String,
}

/// What the object is, as Salesforce's describe has it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Described {
    /// Name of the object.
    pub(crate) name: &'static str,
    /// Its fields: name, type, and whether they are filterable, groupable, sortable, idLookup, nillable and of a
    /// restrictedPicklist, with picklistValues.
    #[schema(value_type = Vec<Object>)]
    pub(crate) fields: &'static [FieldDescription],
    /// The objects that belong to it.
    pub(crate) associated_objects: Vec<Associated>,
}

/// An object that belongs to another one.
#[derive(Serialize, ToSchema)]
pub(crate) struct Associated {
    /// Its name at Salesforce.
    pub(crate) name: &'static str,
    /// What it is here.
    pub(crate) description: &'static str,
    /// Where it is read.
    pub(crate) path: &'static str,
}

impl Described {
    /// Describes `TenantSecurityApiAnomaly`.
    pub(crate) fn tenant_security_api_anomaly() -> Self {
        let associated = |name, description, path| Associated { name, description, path };
        let Description { name, fields } = forms::tenant::DESCRIPTION;
        Self {
            name,
            fields,
            associated_objects: vec![
                associated("TenantSecurityApiAnomalyChangeEvent", "Changes as they are committed", "/v1/events"),
                associated(
                    "TenantSecurityApiAnomalyHistory",
                    "The revisions of the incident",
                    "/v1/tenant-security-api-anomalies/{incident_id}/history",
                ),
                associated(
                    "TenantSecurityApiAnomalyFeed",
                    "Comments",
                    "/v1/tenant-security-api-anomalies/{incident_id}/feed",
                ),
                associated(
                    "TenantSecurityApiAnomalyShare",
                    "The roles that see it",
                    "/v1/tenant-security-api-anomalies/{incident_id}/share",
                ),
            ],
        }
    }
}

/// Which records were made or changed, as Salesforce's getUpdated answers.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct UpdatedRecords {
    /// Their ids.
    #[schema(value_type = Vec<uuid::Uuid>)]
    pub(crate) ids: Vec<String>,
    /// The `start` of the next span: changes after it may not be committed yet.
    #[schema(format = DateTime)]
    pub(crate) latest_date_covered: String,
}

/// Which records are no more, as Salesforce's getDeleted answers.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DeletedRecords {
    /// The records.
    pub(crate) deleted_records: Vec<DeletedRecord>,
    /// Since when deletions are stored.
    #[schema(format = DateTime)]
    pub(crate) earliest_date_available: String,
    /// The `start` of the next span: deletions after it may not be committed yet.
    #[schema(format = DateTime)]
    pub(crate) latest_date_covered: String,
}

/// A record that is no more.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DeletedRecord {
    /// Its id.
    #[schema(format = Uuid)]
    pub(crate) id: String,
    /// When it was withdrawn, absorbed by another one, or erased.
    #[schema(format = DateTime)]
    pub(crate) deleted_date: String,
}

impl From<store::Deleted> for DeletedRecord {
    fn from(deleted: store::Deleted) -> Self {
        Self { id: deleted.incident_id.to_string(), deleted_date: time(deleted.at) }
    }
}

/// A comment on an incident.
#[derive(Serialize, ToSchema)]
pub(crate) struct Comment {
    /// Id of the decision by which it was recorded.
    #[schema(format = Uuid)]
    pub(crate) decision_id: String,
    /// Who wrote it: the person or token, or the database login.
    pub(crate) written_by: String,
    /// Who that says it acts for; nobody has checked it.
    pub(crate) claimed_by: Option<String>,
    /// When it was recorded, by the database's clock.
    #[schema(format = DateTime)]
    pub(crate) written_at: String,
    /// The text.
    pub(crate) text: String,
}

impl Comment {
    /// Makes it of a decision about an incident, as the session sees it.
    pub(crate) fn of(decision: &Decision, incident: &model::Incident, eyes: Eyes<'_>) -> Self {
        let model::Incident { org_id, user_id, username, .. } = incident;
        Self {
            decision_id: decision.decision_id.to_string(),
            written_by: decision.decided_by.to_string(),
            claimed_by: decision.claimed_by.as_ref().map(ToString::to_string),
            written_at: time(decision.decided_at),
            text: eyes.text(org_id, user_id, username.as_deref(), &decision.reason),
        }
    }
}

/// Who sees a record.
#[derive(Serialize, ToSchema)]
pub(crate) struct Share {
    /// role: all who have it in the org; person or token: one session, which administrators see.
    pub(crate) kind: String,
    /// The role, or the name of the session.
    pub(crate) name: String,
    /// viewer, analyst, responder or administrator.
    pub(crate) role: String,
    /// Read, or Edit for those who may decide.
    pub(crate) access: String,
    /// Whether they see the names of accounts.
    pub(crate) sees_names: bool,
    /// Whether it is the role of the session that asks.
    pub(crate) is_own: bool,
}

impl Share {
    /// Makes it of a role in the org of the record.
    pub(crate) fn of(kind: &str, name: &str, role: Role, own: Role, names_from: Role) -> Self {
        Self {
            kind: kind.to_owned(),
            name: name.to_owned(),
            role: role.as_str().to_owned(),
            access: if role >= Role::Analyst { "Edit" } else { "Read" }.to_owned(),
            sees_names: role >= names_from,
            is_own: role == own,
        }
    }
}

/// Makes a schema of a description. No field is required: a query says which it wants.
fn schema_of(description: &Description, about: &str) -> RefOr<Schema> {
    let object = ObjectBuilder::new().description(Some(about));
    let add = |object: ObjectBuilder, field: &FieldDescription| object.property(field.name, property(field));
    description.fields.iter().fold(object, add).into()
}

fn property(field: &FieldDescription) -> ObjectBuilder {
    let kind = if field.kind == FieldType::Double { Type::Number } else { Type::String };
    let is_nillable = field.has(Property::Nillable);
    let kind = if is_nillable { SchemaType::from_iter([kind, Type::Null]) } else { SchemaType::Type(kind) };
    let format = (field.kind == FieldType::DateTime).then_some(SchemaFormat::KnownFormat(KnownFormat::DateTime));
    let property = ObjectBuilder::new().schema_type(kind).format(format);
    let values = (field.picklist)();
    // A list of values would have to have null.
    if values.is_empty() || is_nillable { property } else { property.enum_values(Some(values)) }
}
