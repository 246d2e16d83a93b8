//! The decisions that a request may ask for.

use super::described::{allowlist, causes, classes, dispositions, scope};
use model::decision::{Allowlist, Scope, WatchCause};
use model::{Disposition, OrgId, Text, Timestamp, UserClass, UserId, Uuid};
use serde::Deserialize;
use utoipa::ToSchema;

/// A decision to take.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AskedDecision {
    /// Why; for a comment, the comment.
    #[schema(min_length = 1, max_length = 4000, pattern = r"\S")]
    pub(crate) reason: String,
    /// What is decided.
    pub(crate) ruling: Asked,
}

/// What is decided.
#[derive(Deserialize, ToSchema)]
#[schema(as = Ruling)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Asked {
    /// What incidents were.
    Disposition {
        /// The incidents, 1 to 100.
        #[schema(min_items = 1, max_items = 100)]
        incident_ids: Vec<Uuid>,
        /// What they were.
        #[schema(schema_with = dispositions)]
        disposition: Disposition,
        /// Whether their days are taught, or never, as the disposition says.
        #[serde(default = "yes")]
        teach: bool,
        /// Whether it counts for the weight of detectors.
        #[serde(default = "yes")]
        precision: bool,
        /// Whether findings of the same detectors count for nothing for 30 days.
        #[serde(default)]
        suppress: bool,
    },
    /// Whoever asks works on incidents.
    Acknowledged {
        /// The incidents, 1 to 100.
        #[schema(min_items = 1, max_items = 100)]
        incident_ids: Vec<Uuid>,
    },
    /// A remark on incidents.
    Comment {
        /// The incidents, 1 to 100.
        #[schema(min_items = 1, max_items = 100)]
        incident_ids: Vec<Uuid>,
    },
    /// Incidents are of no concern until a time.
    Snoozed {
        /// The incidents, 1 to 100.
        #[schema(min_items = 1, max_items = 100)]
        incident_ids: Vec<Uuid>,
        /// The end, by the wall clock.
        #[schema(value_type = String, format = DateTime)]
        until: Timestamp,
    },
    /// What was said of incidents is taken back, so that they are open again.
    Reopened {
        /// The incidents, 1 to 100.
        #[schema(min_items = 1, max_items = 100)]
        incident_ids: Vec<Uuid>,
    },
    /// Findings of a scope count for nothing.
    Suppression {
        /// The org.
        #[schema(value_type = String)]
        org_id: OrgId,
        /// The account; all of the org without it.
        #[schema(value_type = Option<String>)]
        user_id: Option<UserId>,
        /// Which findings.
        #[schema(schema_with = scope)]
        scope: Scope,
        /// Event time from which it holds; without it, what the org has reached.
        #[schema(value_type = Option<String>, format = DateTime)]
        from: Option<Timestamp>,
        /// Event time before which it holds; without it, 30 days.
        #[schema(value_type = Option<String>, format = DateTime)]
        until: Option<Timestamp>,
    },
    /// What an integration is there for.
    Allowlist {
        /// The org.
        #[schema(value_type = String)]
        org_id: OrgId,
        /// The account.
        #[schema(value_type = String)]
        user_id: UserId,
        /// What is expected of it.
        #[schema(schema_with = allowlist)]
        allowlist: Allowlist,
    },
    /// An account is watched.
    Watch {
        /// The org.
        #[schema(value_type = String)]
        org_id: OrgId,
        /// The account.
        #[schema(value_type = String)]
        user_id: UserId,
        /// Why.
        #[schema(schema_with = causes)]
        cause: WatchCause,
        /// The factor on the odds of its incidents, above 1 and up to 20.
        #[schema(exclusive_minimum = 1, maximum = 20)]
        factor: f64,
        /// Event time before which it holds; without it, 30 days.
        #[schema(value_type = Option<String>, format = DateTime)]
        until: Option<Timestamp>,
    },
    /// The class of an account, in place of what is learned.
    Class {
        /// The org.
        #[schema(value_type = String)]
        org_id: OrgId,
        /// The account.
        #[schema(value_type = String)]
        user_id: UserId,
        /// The class.
        #[schema(schema_with = classes)]
        class: UserClass,
    },
    /// What an object weighs in an org.
    Sensitivity {
        /// The org.
        #[schema(value_type = String)]
        org_id: OrgId,
        /// The API name of the object.
        #[schema(value_type = String, min_length = 1, max_length = 255)]
        object: Text,
        /// The factor on the odds, 0.05 to 20.
        #[schema(minimum = 0.05, maximum = 20)]
        factor: f64,
    },
    /// The settings of an org.
    Settings {
        /// The org.
        #[schema(value_type = String)]
        org_id: OrgId,
        /// The keys to change, in TOML; all others stay as they are. Those of sections `detect` and `risk`, of the org's own
        /// section, and of its calendar, memory and networks in `profile`.
        #[schema(max_length = 100_000)]
        toml: String,
        /// Event time from which they hold; without it, what the org has reached.
        #[schema(value_type = Option<String>, format = DateTime)]
        from: Option<Timestamp>,
    },
    /// A decision holds no more.
    Ended {
        /// The decision.
        decision_id: Uuid,
    },
    /// A decision counts as never made.
    Undone {
        /// The decision.
        decision_id: Uuid,
    },
}

fn yes() -> bool {
    true
}
