//! Who reads an object or a report.

use super::{Eyes, time};
use model::{OrgId, Timestamp};
use serde::Serialize;
use store::{FirstDay, Touched, TouchingAccount};
use utoipa::ToSchema;

/// Who reads an object, a report or another thing that has an id.
#[derive(Serialize, ToSchema)]
#[schema(as = Touched)]
pub(crate) struct TouchedBody {
    /// Salesforce id of the org.
    pub(crate) org_id: String,
    /// object or resource.
    pub(crate) what: String,
    /// The API name of the object, or the id of the resource, as it was asked for.
    pub(crate) id: String,
    /// The name of the resource by the latest incident that touched it; null of objects, and where it is not known.
    pub(crate) name: Option<String>,
    /// The factor of the object on the odds of incidents that touch it, by the decision or the settings in force; null: none.
    pub(crate) sensitivity: Option<f64>,
    /// How many incidents touched it.
    #[schema(minimum = 0)]
    pub(crate) incidents: u64,
    /// How many accounts have such incidents.
    #[schema(minimum = 0)]
    pub(crate) account_count: u64,
    /// These accounts, those with the most such incidents first: at most 200.
    pub(crate) accounts: Vec<TouchingBody>,
    /// Start of the span of first times, in event time.
    #[schema(format = DateTime)]
    pub(crate) from: String,
    /// Its end.
    #[schema(format = DateTime)]
    pub(crate) to: String,
    /// The accounts that used it for the first time on days of the span, the latest first: at most 200.
    pub(crate) first_times: Vec<FirstTime>,
}

/// An account with incidents that touched something.
#[derive(Serialize, ToSchema)]
#[schema(as = TouchingAccount)]
pub(crate) struct TouchingBody {
    /// Salesforce id of the account.
    pub(crate) user_id: String,
    /// Its username, or a pseudonym; null where it is not known.
    pub(crate) username: Option<String>,
    /// How many incidents of it touched the thing.
    #[schema(minimum = 0)]
    pub(crate) incidents: u64,
    /// The highest risk of them, 0 to 100.
    pub(crate) highest_risk: f64,
    /// Event time of the latest finding of them.
    #[schema(format = DateTime)]
    pub(crate) last_event_at: String,
}

/// An account that used something for the first time.
#[derive(Serialize, ToSchema)]
pub(crate) struct FirstTime {
    /// Salesforce id of the account.
    pub(crate) user_id: String,
    /// Its username, or a pseudonym; null where it is not known.
    pub(crate) username: Option<String>,
    /// Start of the day in the org's time zone.
    #[schema(format = DateTime)]
    pub(crate) day: String,
}

impl TouchedBody {
    /// Makes it of something without a name and a factor.
    pub(crate) fn of(
        (org, what, id): (&OrgId, &str, &str),
        touched: &Touched,
        (from, to): (Timestamp, Timestamp),
        firsts: &[FirstDay],
        eyes: Eyes<'_>,
    ) -> Self {
        let account = |account: &TouchingAccount| TouchingBody {
            user_id: account.user_id.to_string(),
            username: eyes.name(org, &account.user_id, account.username.as_deref()),
            incidents: account.incidents,
            highest_risk: account.highest_risk.to_f64(),
            last_event_at: time(account.last_event_at),
        };
        let first = |first: &FirstDay| FirstTime {
            user_id: first.user_id.to_string(),
            username: eyes.name(org, &first.user_id, first.username.as_deref()),
            day: time(first.day),
        };
        Self {
            org_id: org.to_string(),
            what: what.to_owned(),
            id: id.to_owned(),
            name: None,
            sensitivity: None,
            incidents: touched.incidents,
            account_count: touched.in_all,
            accounts: touched.accounts.iter().map(account).collect(),
            from: time(from),
            to: time(to),
            first_times: firsts.iter().map(first).collect(),
        }
    }
}
