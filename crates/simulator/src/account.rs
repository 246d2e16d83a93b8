//! Accounts of an org: identity, working hours and habits.

use std::sync::Arc;

use crate::calendar::Today;
use crate::catalog::{Breadth, Catalog, Query, Report, Team, View, columns};
use crate::dice::{Dice, Stream, mix};
use crate::episode::{Episode, EpisodeKind, episodes};
use crate::ids;
use crate::location::{Browser, Location, OFFICES, System};
use crate::mechanism::{WorldKind, change};
use crate::plan::Plan;

/// How an account behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    Normal,
    Power,
    Admin,
    Integration,
    /// The guest user and the automated process.
    System,
}

/// What events contain about an account.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) org_id: Arc<str>,
    pub(crate) user_id: String,
    pub(crate) username: String,
    pub(crate) profile_id: String,
    pub(crate) role_id: String,
    /// `Standard`, `Guest` or `AutomatedProcess`.
    pub(crate) user_type: &'static str,
}

/// An account with the habits that do not depend on its role.
pub(crate) struct Account {
    pub(crate) index: u32,
    pub(crate) class: Class,
    pub(crate) location: &'static Location,
    /// Usual start of the working day, in local hours.
    pub(crate) start_hour: f64,
    /// Usual length of the working day, in hours.
    pub(crate) work_hours: f64,
    /// Volume from Monday to Sunday, relative to a usual day.
    pub(crate) weekly: [f64; 7],
    /// Standard deviation of the logarithm of a day's volume.
    pub(crate) sigma: f64,
    /// Share of days in the office; the rest is spent at home.
    pub(crate) office_share: f64,
    pub(crate) browser: Browser,
    pub(crate) system: System,
    /// The personas, each with its first day. A role change adds one.
    phases: Vec<(u32, Persona)>,
    pub(crate) episodes: Vec<Episode>,
    /// Days over which old work fades out after a change of the persona.
    handover: u32,
}

/// An account's habits in one role.
pub(crate) struct Persona {
    pub(crate) identity: Arc<Identity>,
    pub(crate) team: Team,
    /// Usual views with the rows that they show, favorites first.
    pub(crate) views: Vec<(Arc<View>, f64)>,
    pub(crate) reports: Vec<Arc<Report>>,
    /// API queries with their usual rows.
    pub(crate) queries: Vec<(Arc<Query>, f64)>,
    /// Actions on a usual day.
    pub(crate) actions: f64,
    /// Share of report runs that end in an export.
    pub(crate) export_share: f64,
    /// Number of records that the person owns, relative to the median.
    pub(crate) book: f64,
    /// Probability that an action leaves the usual views and reports.
    pub(crate) curiosity: f64,
}

impl Class {
    pub(crate) fn is_person(self) -> bool {
        matches!(self, Class::Normal | Class::Power | Class::Admin)
    }

    /// Returns the class of the account with this index. The shares are fixed and spread evenly, so that small orgs have
    /// every class.
    fn of(index: u32, world: WorldKind) -> Class {
        match (index * 37 + 11) % 100 {
            _ if index < 2 => Class::System,
            // Other worlds have several guests.
            98..100 if world != WorldKind::Standard => Class::System,
            0..5 => Class::Admin,
            5..11 => Class::Integration,
            11..23 => Class::Power,
            _ => Class::Normal,
        }
    }
}

impl Account {
    pub(crate) fn new(
        plan: &Plan,
        key: u64,
        org_id: &Arc<str>,
        catalog: &Catalog,
        calendar: &[Today],
        index: u32,
    ) -> Account {
        let class = Class::of(index, plan.world);
        let mut dice = Dice::new(key, Stream::Account, index, 0);
        let team = match class {
            Class::Admin => Team::Admin,
            Class::Integration | Class::System => Team::Integration,
            _ => {
                dice.weighted(Team::Sales, &[(Team::Service, 0.3), (Team::Marketing, 0.15), (Team::Finance, 0.1)], 0.45)
            }
        };
        let mut weekly = [1.0; 7].map(|usual: f64| usual * dice.log_normal(1.0, 0.2));
        let weekend = match class {
            Class::Admin => 0.35,
            _ if dice.chance(0.05) => 0.6,
            _ => 0.015,
        };
        let [.., saturday, sunday] = &mut weekly;
        (*saturday, *sunday) = (weekend, weekend * 0.7);
        let episodes = episodes(key, index, class, calendar);
        let identity = Arc::new(identity(org_id, index, class, team));
        let mut account = Account {
            index,
            class,
            location: dice.pick(&OFFICES).unwrap_or(&OFFICES[0]),
            start_hour: dice.between(7.2, 9.8),
            work_hours: dice.between(7.0, 9.5),
            weekly,
            sigma: dice.between(0.3, 0.6),
            office_share: dice.pick(&[0.0, 0.5, 0.6, 0.9]).copied().unwrap_or(0.5),
            browser: dice.weighted(
                Browser::Chrome,
                &[(Browser::Edge, 0.25), (Browser::Safari, 0.12), (Browser::Firefox, 0.08)],
                0.55,
            ),
            system: dice.weighted(System::Windows, &[(System::Mac, 0.4)], 0.6),
            phases: vec![(0, Persona::new(key, index, class, team, catalog, identity.clone(), 0))],
            episodes,
            handover: 0,
        };
        if account.browser == Browser::Safari {
            account.system = System::Mac;
        }
        if let Some(change) = account.episodes.iter().find(|episode| episode.kind == EpisodeKind::RoleChange) {
            let next = match team {
                Team::Sales => Team::Marketing,
                Team::Service => Team::Sales,
                Team::Marketing => Team::Service,
                _ => Team::Sales,
            };
            let role_id = if dice.chance(0.5) { next.role_id() } else { identity.role_id.clone() };
            let moved = Arc::new(Identity {
                role_id,
                org_id: org_id.clone(),
                user_id: identity.user_id.clone(),
                username: identity.username.clone(),
                profile_id: identity.profile_id.clone(),
                user_type: identity.user_type,
            });
            let persona = Persona::new(key, index, class, next, catalog, moved, 1);
            account.phases.push((change.first, persona));
        } else {
            for (number, change) in (2..).zip(change::moves(plan, key, &account, team)) {
                let persona = Persona::new(key, index, class, change.team, catalog, identity.clone(), number);
                account.phases.push((change.day, persona));
                account.handover = change.handover;
            }
        }
        account
    }

    /// Returns the persona on a day.
    pub(crate) fn persona(&self, day: u32) -> Option<&Persona> {
        let delay = if self.handover == 0 {
            0
        } else {
            (mix(u64::from(self.index) << 32 | u64::from(day)) % u64::from(self.handover)) as u32
        };
        self.phases.iter().rev().find(|(from, _)| *from == 0 || *from + delay <= day).map(|(_, persona)| persona)
    }

    /// Gives the account to another person, who works in `location` and has no episodes.
    pub(crate) fn reassign(
        &mut self,
        key: u64,
        catalog: &Catalog,
        identity: Arc<Identity>,
        location: &'static Location,
    ) {
        self.class = Class::Normal;
        self.location = location;
        self.browser = Browser::Chrome;
        self.system = System::Mac;
        self.episodes.clear();
        self.phases = vec![(0, Persona::new(key, self.index, Class::Normal, Team::Sales, catalog, identity, 0))];
    }

    /// Returns the identity of the first day. User id and username never change.
    pub(crate) fn identity(&self) -> Option<&Arc<Identity>> {
        self.phases.first().map(|(_, persona)| &persona.identity)
    }

    /// Returns whether the account is the guest user of a site.
    pub(crate) fn is_guest(&self) -> bool {
        self.identity().is_some_and(|identity| identity.user_type == "Guest")
    }

    /// Returns the id with the class as labels name it. The automated process is an integration.
    pub(crate) fn label(&self) -> Option<(String, String)> {
        let class = match self.class {
            Class::Normal => "normal",
            Class::Power => "power",
            Class::Admin => "admin",
            Class::System if self.is_guest() => "guest",
            Class::Integration | Class::System => "integration",
        };
        self.identity().map(|identity| (identity.user_id.clone(), class.to_owned()))
    }

    /// Returns whether the account has an episode of this kind on a day.
    pub(crate) fn in_episode(&self, kind: EpisodeKind, day: u32) -> bool {
        self.episodes.iter().any(|episode| episode.kind == kind && (episode.first..=episode.last).contains(&day))
    }

    /// Returns false before the first working day and on vacation.
    pub(crate) fn is_present(&self, day: u32) -> bool {
        let hired = self.episodes.iter().find(|episode| episode.kind == EpisodeKind::NewHire);
        hired.is_none_or(|hire| hire.first <= day) && !self.in_episode(EpisodeKind::Vacation, day)
    }
}

impl Persona {
    fn new(
        key: u64,
        index: u32,
        class: Class,
        team: Team,
        catalog: &Catalog,
        identity: Arc<Identity>,
        phase: u32,
    ) -> Persona {
        let mut dice = Dice::new(key, Stream::Persona, index, phase);
        let team_catalog = catalog.of_team(team);
        let book = dice.log_normal(1.0, 0.6);
        let (objects, broad, reports, queries, actions, export_share) = match class {
            Class::Normal => (
                dice.whole(2, 4),
                0.15,
                dice.whole(3, 8),
                0,
                dice.log_normal(16.0, 0.5),
                dice.pick(&[0.0, 0.02, 0.05, 0.1]).copied(),
            ),
            Class::Power => {
                (dice.whole(3, 6), 0.7, dice.whole(8, 16), dice.whole(0, 3), dice.log_normal(32.0, 0.5), Some(0.15))
            }
            Class::Admin => {
                (dice.whole(3, 6), 0.6, dice.whole(4, 8), dice.whole(1, 3), dice.log_normal(28.0, 0.4), Some(0.04))
            }
            Class::Integration => {
                (0, 0.0, 0, dice.whole(3, 6), dice.pick(&[24.0, 48.0, 96.0, 144.0]).copied().unwrap_or(48.0), None)
            }
            Class::System => (0, 0.0, 0, 1, 12.0, None),
        };
        let mut favorites = Vec::new();
        let habits = dice.sample(team.objects(), objects as usize);
        for object in &habits {
            for view in team_catalog.views.iter().filter(|view| view.object == *object) {
                let share = match view.breadth {
                    Breadth::Mine => 0.85,
                    Breadth::Team => 0.3,
                    Breadth::Filtered => 0.3,
                    Breadth::All => broad,
                };
                if dice.chance(share) {
                    favorites.push((view.clone(), (usual_rows(view, book) * dice.log_normal(1.0, 0.3)).round()));
                }
            }
        }
        let views = dice.sample(&favorites, favorites.len());
        let queried = if class == Class::Integration { dice.sample(team.objects(), queries as usize) } else { habits };
        let queries = queried.iter().take(queries as usize).map(|object| {
            let median = if class == Class::Integration { 120.0 } else { 60.0 };
            (Arc::new(changes_query(object)), dice.log_normal(median, 0.8))
        });
        let queries = queries.collect();
        Persona {
            identity,
            team,
            views,
            reports: dice.sample(&team_catalog.reports, reports as usize),
            queries,
            actions,
            export_share: export_share.unwrap_or(0.0),
            book,
            curiosity: dice.between(0.004, 0.03),
        }
    }

    /// Returns the objects that the account usually reads.
    pub(crate) fn objects(&self) -> Vec<&'static str> {
        let viewed = self.views.iter().map(|(view, _)| view.object);
        let mut objects: Vec<&'static str> =
            viewed.chain(self.queries.iter().map(|(query, _)| query.objects)).collect();
        objects.sort_unstable();
        objects.dedup();
        objects
    }
}

/// Returns the rows of a view for a person with `book` times the median number of records.
pub(crate) fn usual_rows(view: &View, book: f64) -> f64 {
    match view.breadth {
        Breadth::Mine | Breadth::Team => (view.rows * book).clamp(1.0, 2_000.0),
        Breadth::Filtered | Breadth::All => view.rows,
    }
}

/// Returns the query for recent changes that an integration repeats.
pub(crate) fn changes_query(object: &'static str) -> Query {
    let (columns, _) = columns(object);
    Query {
        objects: object,
        text: format!(
            "SELECT Id, {columns} FROM {object} WHERE LastModifiedDate > LAST_N_DAYS:1 ORDER BY LastModifiedDate ASC"
        ),
    }
}

fn identity(org_id: &Arc<str>, index: u32, class: Class, team: Team) -> Identity {
    const FIRST: [&str; 20] = [
        "olivia", "liam", "noah", "ava", "mia", "lucas", "sofia", "arjun", "priya", "felix", "hannah", "jonas",
        "clara", "marco", "nina", "owen", "ruth", "samir", "tessa", "yara",
    ];
    const LAST: [&str; 20] = [
        "smith", "jones", "weber", "rossi", "patel", "kim", "novak", "silva", "dubois", "khan", "berg", "costa",
        "doyle", "evans", "fischer", "garcia", "huber", "iyer", "jensen", "keller",
    ];
    let name = |list: &[&'static str; 20], number: u32| list.get((number % 20) as usize).copied().unwrap_or("user");
    let (first, last) = (name(&FIRST, index), name(&LAST, index / 20));
    let suffix = if index < 400 { String::new() } else { (index / 400).to_string() };
    let (username, user_type) = match class {
        Class::System if index == 0 => ("guest@lumenworks.example".to_owned(), "Guest"),
        Class::System if index > 1 => (format!("guest.{index}@lumenworks.example"), "Guest"),
        Class::System => ("autoproc@lumenworks.example".to_owned(), "AutomatedProcess"),
        Class::Integration => (format!("integration.{index}@lumenworks.example"), "Standard"),
        _ => (format!("{first}.{last}{suffix}@lumenworks.example"), "Standard"),
    };
    Identity {
        org_id: org_id.clone(),
        user_id: ids::salesforce_id("005", 5_000_011 + u64::from(index) * 7_919),
        username,
        profile_id: team.profile_id(),
        role_id: team.role_id(),
        user_type,
    }
}
