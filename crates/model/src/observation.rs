//! Observations, which detectors judge: an activity, or a closed hour or day, with the features that the profile had for it
//! *before* learning it. One within a scale of the usual is normal by construction and is not sent.

use crate::words::words;
use crate::{
    Activity, Anonymized, Burst, Calibration, Composition, Downloads, Drain, Kind, Largest, NewApp, OrgId, Pages, Rate,
    Scope, Setup, Text, Timestamp, UserId, Usual, Volume, Wake, Writes,
};
use serde::Serialize;
use uuid::Uuid;

/// An activity, or a closed hour or day, with its unusual features.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Observation {
    /// The org of the account.
    pub org_id: OrgId,
    /// The account.
    pub user_id: UserId,
    /// The account's username, where any of its records had one.
    pub username: Option<Text>,
    /// The account's class when this was observed.
    pub user_class: UserClass,
    /// Event time of the activity. For a closed hour or day, that of the last activity before the close.
    pub at: Timestamp,
    /// Start of the day in the org's time zone. Daily findings are identified by it.
    pub day: Timestamp,
    /// Number of the observation, increasing for each account. A finding takes it as its revision.
    pub revision: u64,
    /// The activity; `None` for a closed hour or day.
    pub activity: Option<Box<Activity>>,
    /// Features that lean towards the unusual.
    pub features: Vec<Feature>,
    /// Kinds of events that were missing at the time, in ascending order. Findings that they could change are less sure.
    pub blind: Vec<Kind>,
    /// What the surprises of its tests are worth, as of the last closed day. Without one, a surprise counts as it is.
    pub calibrations: Vec<Calibration>,
    /// How right detectors were about the account's class in this org, as far as people have decided.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub precisions: Vec<Precision>,
    /// Hash of the settings of the org, if people decided on settings of its own; empty for those of the service.
    #[serde(skip_serializing_if = "Text::is_empty")]
    pub settings: Text,
}

impl Observation {
    /// Returns the factor on the weight of a detector; `None` if nobody has judged it.
    pub fn precision(&self, detector: &str) -> Option<f64> {
        self.precisions.iter().find(|known| known.detector == detector).map(|known| known.factor)
    }
}

/// How right a detector was, as far as people have decided.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Precision {
    /// The detector.
    pub detector: Text,
    /// Factor on its weight, 0.5 to 1.25.
    pub factor: f64,
}

words! {
    /// How an account behaves, learned from its activity.
    UserClass {
        /// A person who works through pages.
        Normal = "normal",
        /// A person who consumes clearly more than most: rows, requests, exports.
        Power = "power",
        /// A person who may administer the org, changes permissions or Setup, or works as other users.
        Admin = "admin",
        /// A program or agent: it keeps hours that no person does, nearly always through the API.
        Integration = "integration",
        /// A guest user of a site.
        Guest = "guest",
    }
}

words! {
    /// What data was reached through.
    Surface {
        /// List views.
        ListView = "list_view",
        /// Reports, run or exported.
        Report = "report",
        /// SOAP and REST APIs.
        Api = "api",
        /// Bulk API jobs.
        Bulk = "bulk",
        /// Files.
        File = "file",
    }
}

words! {
    /// A group of features that one deployment of detectors judges together. Each family has its own subject on the wire.
    Family {
        /// Rows, requests, downloads and writes.
        Volume = "volume",
        /// First uses of objects, scopes and report exports.
        Novelty = "novelty",
        /// Clients, apps, networks, failed logins, sessions, delegation, long silences and changes in Setup.
        Identity = "identity",
        /// Hours of the week.
        Time = "time",
        /// Objects probed over the API.
        Reconnaissance = "reconnaissance",
        /// Salesforce's Threat Detection.
        Native = "native",
    }
}

impl Observation {
    /// Splits the observation by family: one for each family that has features, in the order of first appearance.
    pub fn by_family(self) -> Vec<(Family, Self)> {
        let mut families: Vec<(Family, Self)> = Vec::with_capacity(1);
        let Self { features, activity, .. } = self;
        let bare = Self { features: Vec::new(), activity: None, ..self };
        for feature in features {
            let family = feature.family();
            match families.iter_mut().find(|(known, _)| *known == family) {
                Some((_, observation)) => observation.features.push(feature),
                None => {
                    let (activity, features) = (activity.clone(), vec![feature]);
                    families.push((family, Self { activity, features, ..bare.clone() }));
                }
            }
        }
        families
    }
}

/// One property of an observation that leans towards the unusual, with its usual value.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub enum Feature {
    /// Rows read through one surface.
    Volume(Volume),
    /// Many requests within a minute.
    Burst(Burst),
    /// List views or reports wider than those the account used before.
    Scope(First),
    /// Objects that the account had never accessed.
    Object(First),
    /// Reports that the account had never exported.
    Export(First),
    /// A client that is rare for the account.
    Client(Rarity),
    /// A network that is rare for the account.
    Network(Rarity),
    /// A login that succeeded after failed ones.
    Failures(Failures),
    /// A session that moved to another network or client.
    Session(SessionChange),
    /// Work in a session opened by LoginAs.
    Delegated(Delegated),
    /// Activity at an unusual hour of the week.
    Hour(HourOfWeek),
    /// Many objects probed over the API.
    Recon(Spread),
    /// Downloads of files and Bulk API results.
    Downloads(Downloads),
    /// A modest excess on many days.
    Drain(Drain),
    /// The activity is a Threat Detection event.
    Native,
    /// Records written through one surface.
    Writes(Writes),
    /// A change in Setup, or of permissions, that weakens the org's defenses.
    Setup(Setup),
    /// A connected app that is new to the account.
    App(NewApp),
    /// Activity after a long silence.
    Wake(Wake),
    /// The largest request of the day through one surface.
    Largest(Largest),
    /// Pages of records.
    Pages(Pages),
    /// What the day is made of.
    Composition(Composition),
}

impl Feature {
    /// Returns the family of detectors that judges the feature.
    pub fn family(&self) -> Family {
        match self {
            Self::Volume(_)
            | Self::Burst(_)
            | Self::Downloads(_)
            | Self::Drain(_)
            | Self::Writes(_)
            | Self::Largest(_)
            | Self::Pages(_) => Family::Volume,
            Self::Scope(_) | Self::Object(_) | Self::Export(_) | Self::Composition(_) => Family::Novelty,
            Self::Client(_)
            | Self::Network(_)
            | Self::Failures(_)
            | Self::Session(_)
            | Self::Delegated(_)
            | Self::Setup(_)
            | Self::App(_)
            | Self::Wake(_) => Family::Identity,
            Self::Hour(_) => Family::Time,
            Self::Recon(_) => Family::Reconnaissance,
            Self::Native => Family::Native,
        }
    }
}

/// First-time accesses of the day: wider scopes, new objects, or new report exports.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct First {
    /// The first new value of the day.
    pub name: Text,
    /// New values of the day. For wider scopes, the requests for them.
    pub today: u32,
    /// The new values, or the first of them.
    pub names: Vec<Text>,
    /// Usual number of new values a day.
    pub usual: Rate,
    /// Share of the org's other accounts that know `name`, 0 to 1.
    pub peer_share: f64,
    /// Accounts of the org.
    pub peers: u32,
    /// Rows per request for the new values.
    pub rows: Option<u64>,
    /// Usual rows per request.
    pub request: Usual,
    /// For a wider scope: narrower views of the object that the account used before, best known first.
    pub from_views: Vec<Text>,
    /// For a wider scope: the new view.
    pub to_view: Option<Text>,
    /// For a wider scope: the widest scope so far.
    pub from_scope: Option<Scope>,
    /// For a wider scope: the new scope.
    pub to_scope: Option<Scope>,
    /// The activities that accessed new values.
    pub evidence: Vec<Uuid>,
    /// Share of all accounts' days with at least as many new values, 0 to 1.
    pub peer_tail: f64,
    /// Share of the day's views and reports that belong to the account's job, 0 to 1.
    pub known_share: f64,
    /// For requests for all records: reports or the API. `None` for list views.
    pub surface: Option<Surface>,
}

/// A client or network that is rare for the account.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Rarity {
    /// The client or network.
    pub value: Text,
    /// Days on which the account had this value.
    pub seen: f64,
    /// Active days of the account.
    pub days: f64,
    /// Share of the org's other accounts that know this value, 0 to 1.
    pub peer_share: f64,
    /// For clients: share of all accounts' clients that are at most as common as this one, 0 to 1. For networks, 1.
    pub peer_tail: f64,
    /// Usual number of new values a day.
    pub usual: Rate,
    /// For networks: the country of the activity.
    pub country: Option<Text>,
    /// For networks: whether the account has never been in that country.
    pub new_country: bool,
    /// Up to three values that the account usually has.
    pub known: Vec<Text>,
    /// For networks: that an operator lists it as an anonymizer.
    pub anonymizer: Option<Anonymized>,
}

/// A login that succeeded after failed ones.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Failures {
    /// Failed logins before this one. Each counts 1 and decays exponentially, to 1/e after 15 minutes.
    pub recent: f64,
    /// Failed logins before this one, without decay.
    pub count: u32,
    /// Usual failed logins of a day.
    pub usual: Rate,
    /// Whether the account logged in from a network that it had on no earlier day.
    pub new_network: bool,
    /// The failed logins, and the one that succeeded.
    pub evidence: Vec<Uuid>,
}

/// A session that continues from another network or with another client.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SessionChange {
    /// The network before; `None` if the network did not change.
    pub from_network: Option<Text>,
    /// The network after; `None` if the network did not change.
    pub to_network: Option<Text>,
    /// The client before; `None` if the client did not change.
    pub from_client: Option<Text>,
    /// The client after; `None` if the client did not change.
    pub to_client: Option<Text>,
    /// Usual number of network changes within sessions a day.
    pub usual: Rate,
    /// Whether the account had the new network on earlier days.
    pub known_network: bool,
    /// Milliseconds since the session's previous activity.
    pub elapsed: i64,
}

/// Work done in a session opened by LoginAs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Delegated {
    /// Who acted: a username, or a Salesforce id where no username is known.
    pub delegate: Text,
    /// Rows read in the session.
    pub rows: f64,
    /// Report exports and Bulk API results in the session.
    pub exports: u32,
    /// Requests in the session.
    pub requests: u32,
    /// Usual rows of the org's LoginAs sessions.
    pub usual: Usual,
    /// Activities of the session.
    pub evidence: Vec<Uuid>,
}

/// Activity at an hour of the week at which the account is rarely active.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct HourOfWeek {
    /// Hour of the week in the org's time zone; 0 is Monday from 00:00 to 01:00.
    pub hour: u32,
    /// Probability that the account, shrunk to its class, is active in an hour this unusual.
    pub share: f64,
    /// Active days that the account's rhythm was learned from.
    pub days: f64,
    /// Rows read in the hour.
    pub rows: f64,
    /// Requests in the hour.
    pub requests: u32,
}

/// Distinct objects requested over the API in the day.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Spread {
    /// Distinct objects.
    pub objects: u32,
    /// Objects that the account had never accessed.
    pub unknown: u32,
    /// Requests that returned at most one row.
    pub empty: u32,
    /// Usual number of distinct objects a day.
    pub usual: Rate,
    /// The objects, or the first of them.
    pub names: Vec<Text>,
    /// First requests for these objects.
    pub evidence: Vec<Uuid>,
    /// Objects of which records were counted.
    pub counted: u32,
    /// Usual number of objects of which records are counted; `None` while the org has too few days to compare with.
    pub usual_counted: Option<Rate>,
}
