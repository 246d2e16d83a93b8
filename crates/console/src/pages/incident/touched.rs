//! What an incident touched, from where, and as whom: by the activities that its findings rest on.

use crate::body::Eyes;
use crate::pages::exposure;
use model::{Evidence, Finding};
use std::collections::{BTreeMap, BTreeSet};

/// What an incident touched, each with the most rows first.
pub(super) struct Touched {
    /// Objects.
    pub(super) objects: Vec<TouchedObject>,
    /// Reports, list views, files and pages.
    pub(super) resources: Vec<TouchedResource>,
    /// Where requests came from.
    pub(super) origins: Vec<Origin>,
    /// Sessions, with who had logged in as the account.
    pub(super) sessions: Vec<SessionOfAccount>,
    /// The activities, in order of time.
    pub(super) activities: Vec<Evidence>,
}

pub(super) struct TouchedObject {
    pub(super) name: String,
    /// The factor that the org gives it.
    pub(super) sensitivity: Option<f64>,
    pub(super) scopes: BTreeSet<&'static str>,
    pub(super) effects: BTreeSet<&'static str>,
    pub(super) requests: u64,
    pub(super) rows: u64,
}

pub(super) struct TouchedResource {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) surface: &'static str,
    pub(super) requests: u64,
    pub(super) rows: u64,
}

pub(super) struct Origin {
    pub(super) address: String,
    pub(super) asn: Option<u32>,
    pub(super) country: String,
    pub(super) client: String,
    pub(super) requests: u64,
}

pub(super) struct SessionOfAccount {
    pub(super) key: String,
    pub(super) delegate: Option<String>,
    pub(super) requests: u64,
}

impl Touched {
    /// Gathers what the activities of findings touched, each activity once.
    pub(super) fn of(findings: &[Finding], sensitivity: &BTreeMap<String, f64>, eyes: Eyes<'_>) -> Self {
        let standing = findings.iter().filter(|finding| !finding.withdrawn);
        let all = exposure::once(standing.flat_map(|finding| &finding.evidence).collect());
        let sees_names = findings.first().is_none_or(|finding| eyes.sees_names(&finding.org_id));
        let mut activities: Vec<Evidence> = all
            .cloned()
            .map(|activity| Evidence { delegate: activity.delegate.clone().filter(|_| sees_names), ..activity })
            .collect();
        activities.sort_by_key(|activity| (activity.at, activity.activity_id));
        Self {
            objects: objects(&activities, sensitivity),
            resources: resources(&activities),
            origins: origins(&activities),
            sessions: sessions(&activities),
            activities,
        }
    }
}

fn objects(activities: &[Evidence], sensitivity: &BTreeMap<String, f64>) -> Vec<TouchedObject> {
    let mut objects: BTreeMap<&str, TouchedObject> = BTreeMap::new();
    for activity in activities {
        for name in &activity.objects {
            let object = objects.entry(name).or_insert_with(|| TouchedObject {
                name: name.to_string(),
                sensitivity: sensitivity.get(&**name).copied(),
                scopes: BTreeSet::new(),
                effects: BTreeSet::new(),
                requests: 0,
                rows: 0,
            });
            object.scopes.extend(activity.scope.map(|scope| scope.as_str()));
            object.effects.insert(activity.effect.as_str());
            object.requests += 1;
            object.rows = object.rows.saturating_add(activity.rows.unwrap_or(0));
        }
    }
    let mut objects: Vec<TouchedObject> = objects.into_values().collect();
    objects.sort_by_key(|object| std::cmp::Reverse((object.rows, object.requests)));
    objects
}

fn resources(activities: &[Evidence]) -> Vec<TouchedResource> {
    let mut resources: BTreeMap<&str, TouchedResource> = BTreeMap::new();
    for activity in activities {
        let Some(id) = activity.resource_id.as_ref().or(activity.resource_name.as_ref()) else { continue };
        let resource = resources.entry(id).or_insert_with(|| TouchedResource {
            id: id.to_string(),
            name: activity.resource_name.as_ref().unwrap_or(id).to_string(),
            surface: activity.surface.map_or("", |surface| surface.as_str()),
            requests: 0,
            rows: 0,
        });
        resource.requests += 1;
        resource.rows = resource.rows.saturating_add(activity.rows.unwrap_or(0));
    }
    let mut resources: Vec<TouchedResource> = resources.into_values().collect();
    resources.sort_by_key(|resource| std::cmp::Reverse((resource.rows, resource.requests)));
    resources
}

fn origins(activities: &[Evidence]) -> Vec<Origin> {
    let mut origins: BTreeMap<(&str, &str), Origin> = BTreeMap::new();
    let text = |text: &Option<model::Text>| text.as_deref().unwrap_or_default().to_owned();
    for activity in activities.iter().filter(|activity| activity.address.is_some()) {
        let client = activity.client.as_deref().or(activity.user_agent.as_deref()).unwrap_or_default();
        let key = (activity.address.as_deref().unwrap_or_default(), client);
        let origin = origins.entry(key).or_insert_with(|| Origin {
            address: text(&activity.address),
            asn: activity.asn,
            country: text(&activity.country),
            client: client.to_owned(),
            requests: 0,
        });
        origin.requests += 1;
    }
    let mut origins: Vec<Origin> = origins.into_values().collect();
    origins.sort_by_key(|origin| std::cmp::Reverse(origin.requests));
    origins
}

fn sessions(activities: &[Evidence]) -> Vec<SessionOfAccount> {
    let mut sessions: BTreeMap<&str, SessionOfAccount> = BTreeMap::new();
    for activity in activities {
        let Some(key) = activity.session_key.as_deref().or(activity.login_key.as_deref()) else { continue };
        let session = sessions.entry(key).or_insert_with(|| SessionOfAccount {
            key: key.to_owned(),
            delegate: None,
            requests: 0,
        });
        session.requests += 1;
        session.delegate = session.delegate.take().or_else(|| activity.delegate.as_deref().map(str::to_owned));
    }
    let mut sessions: Vec<SessionOfAccount> = sessions.into_values().collect();
    sessions.sort_by_key(|session| std::cmp::Reverse(session.requests));
    sessions
}
