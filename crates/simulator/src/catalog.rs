//! The catalog of an org: objects, list views, reports and queries, by team.

use std::sync::Arc;

use crate::dice::{Dice, Stream};
use crate::ids;

/// A team, or a group of accounts with the same objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Team {
    Sales,
    Service,
    Marketing,
    Finance,
    Admin,
    Integration,
}

pub(crate) const TEAMS: [Team; 6] =
    [Team::Sales, Team::Service, Team::Marketing, Team::Finance, Team::Admin, Team::Integration];

/// How much of an object a list view shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Breadth {
    Mine,
    Team,
    /// All records that match a filter.
    Filtered,
    All,
}

/// A list view.
#[derive(Debug)]
pub(crate) struct View {
    pub(crate) object: &'static str,
    /// Empty for a default view.
    pub(crate) developer_name: String,
    pub(crate) id: String,
    pub(crate) breadth: Breadth,
    pub(crate) columns: &'static str,
    pub(crate) column_count: u32,
    /// Rows that the median user sees.
    pub(crate) rows: f64,
}

/// A report.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) objects: &'static str,
    pub(crate) format: &'static str,
    pub(crate) scope: &'static str,
    pub(crate) column_count: u32,
    pub(crate) rows: f64,
}

/// A SOQL query.
#[derive(Debug)]
pub(crate) struct Query {
    /// Names separated by comma and space, as in `QueriedEntities`.
    pub(crate) objects: &'static str,
    pub(crate) text: String,
}

/// A view or report that a team gets on one day.
pub(crate) struct Rollout {
    pub(crate) day: u32,
    pub(crate) item: Item,
}

/// What is rolled out.
#[derive(Clone)]
pub(crate) enum Item {
    View(Arc<View>),
    Report(Arc<Report>),
}

/// The views, reports and rollouts of one team.
pub(crate) struct TeamCatalog {
    pub(crate) views: Vec<Arc<View>>,
    pub(crate) reports: Vec<Arc<Report>>,
    pub(crate) rollouts: Vec<Rollout>,
}

/// The catalogs of all teams.
pub(crate) struct Catalog {
    teams: [TeamCatalog; TEAMS.len()],
}

impl Catalog {
    pub(crate) fn new(key: u64, days: u32) -> Catalog {
        Catalog { teams: TEAMS.map(|team| team_catalog(key, team, days)) }
    }

    /// Returns the catalog of a team.
    pub(crate) fn of_team(&self, team: Team) -> &TeamCatalog {
        let [sales, service, marketing, finance, admin, integration] = &self.teams;
        match team {
            Team::Sales => sales,
            Team::Service => service,
            Team::Marketing => marketing,
            Team::Finance => finance,
            Team::Admin => admin,
            Team::Integration => integration,
        }
    }

    /// Returns the first view of an object with this breadth, of any team.
    pub(crate) fn view(&self, object: &str, breadth: Breadth) -> Option<&Arc<View>> {
        let mut views = self.teams.iter().flat_map(|team_catalog| &team_catalog.views);
        views.find(|view| view.object == object && view.breadth == breadth)
    }
}

impl Team {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Team::Sales => "Sales",
            Team::Service => "Service",
            Team::Marketing => "Marketing",
            Team::Finance => "Finance",
            Team::Admin => "Admin",
            Team::Integration => "Integration",
        }
    }

    /// Returns the objects of a team, most used first.
    pub(crate) fn objects(self) -> &'static [&'static str] {
        match self {
            Team::Sales => &["Opportunity", "Account", "Contact", "Lead", "Quote", "Task", "Product2"],
            Team::Service => &["Case", "Contact", "Account", "Asset", "Entitlement", "Task", "WorkOrder"],
            Team::Marketing => &["Campaign", "Lead", "Contact", "CampaignMember", "Event_Registration__c"],
            Team::Finance => &["Invoice__c", "Order", "Account", "Contract", "Payment__c"],
            Team::Admin => &["User", "PermissionSet", "Group", "Account", "Case", "Territory2"],
            Team::Integration => &["Account", "Contact", "Opportunity", "Order", "Product2", "Case", "Lead"],
        }
    }

    /// Returns the objects that the team rarely or never uses.
    pub(crate) fn foreign_objects(self) -> Vec<&'static str> {
        let mut objects: Vec<&'static str> = TEAMS.iter().flat_map(|team| team.objects()).copied().collect();
        objects.extend(["Partner_Agreement__c", "Compensation__c", "PricebookEntry", "ContentVersion"]);
        objects.sort_unstable();
        objects.dedup();
        objects.retain(|object| !self.objects().contains(object));
        objects
    }

    /// Returns the 18-character id of the profile.
    pub(crate) fn profile_id(self) -> String {
        ids::salesforce_id("00e", 700 + self as u64)
    }

    /// Returns the 18-character id of the role.
    pub(crate) fn role_id(self) -> String {
        ids::salesforce_id("00E", 900 + self as u64)
    }
}

/// Returns the columns of list views and queries of an object, and their number.
pub(crate) fn columns(object: &str) -> (&'static str, u32) {
    match object {
        "Account" => ("Name, Site, BillingState, Phone, Type, Owner.Alias", 6),
        "Contact" => ("Name, Account.Name, Title, Phone, Email, Owner.Alias", 6),
        "Opportunity" => ("Name, Account.Name, Amount, CloseDate, StageName, Owner.Alias", 6),
        "Lead" => ("Name, Company, State, Email, Status, CreatedDate, Owner.Alias", 7),
        "Case" => ("CaseNumber, Contact.Name, Subject, Status, Priority, CreatedDate, Owner.Alias", 7),
        "User" => ("Name, Alias, Username, LastLoginDate, UserRole.Name, IsActive, Profile.Name", 7),
        "Invoice__c" => ("Name, Account__r.Name, Amount__c, Due_Date__c, Status__c", 5),
        _ => ("Name, CreatedDate, LastModifiedDate, Owner.Alias", 4),
    }
}

/// Draws the breadth of the view that a newcomer to an object opens.
pub(crate) fn newcomers_breadth(dice: &mut Dice) -> Breadth {
    dice.weighted(Breadth::Filtered, &[(Breadth::All, 0.4), (Breadth::Mine, 0.2)], 0.4)
}

fn team_catalog(key: u64, team: Team, days: u32) -> TeamCatalog {
    let mut dice = Dice::new(key, Stream::Catalog, team as u32, 0);
    let mut views = Vec::new();
    for &object in team.objects() {
        for (breadth, names) in view_names(object) {
            for name in names {
                views.push(Arc::new(view(&mut dice, object, breadth, name)));
            }
        }
    }
    let reports = (0..30).filter_map(|number| report(&mut dice, team, number)).map(Arc::new).collect();
    TeamCatalog { views, reports, rollouts: rollouts(key, team, days) }
}

/// Returns the developer names of the views of an object, by breadth.
fn view_names(object: &str) -> Vec<(Breadth, Vec<String>)> {
    let plain = object.trim_end_matches("__c");
    let (mine, filtered): (String, &[&str]) = match object {
        "Account" => ("MyAccounts".into(), &["NewThisWeek", "All_Enterprise_Accounts"]),
        "Contact" => ("My_Contacts".into(), &["NewContacts", "Birthdays_This_Month"]),
        "Opportunity" => ("MyOpportunities".into(), &["ClosingThisMonth", "Big_Deals"]),
        "Lead" => ("MyUnreadLeads".into(), &["TodaysLeads", "Hot_Leads"]),
        "Case" => ("MyOpenCases".into(), &["Escalated_Cases", "Cases_Opened_Today"]),
        _ => (format!("My_{plain}s"), &["Recently_Changed"]),
    };
    let all = match object {
        "Contact" => "AllContacts".into(),
        "Account" => "AllAccounts".into(),
        _ if plain.ends_with('y') => format!("All_{}ies", plain.trim_end_matches('y')),
        _ => format!("All_{plain}s"),
    };
    vec![
        (Breadth::Mine, vec![mine, String::new()]),
        (Breadth::Team, vec![format!("My_Team_{plain}s")]),
        (Breadth::Filtered, filtered.iter().map(|&name| name.to_owned()).collect()),
        (Breadth::All, vec![all]),
    ]
}

fn view(dice: &mut Dice, object: &'static str, breadth: Breadth, developer_name: String) -> View {
    let (columns, column_count) = columns(object);
    let (median, sigma) = match breadth {
        Breadth::Mine => (14.0, 0.5),
        Breadth::Team => (70.0, 0.5),
        Breadth::Filtered => (45.0, 0.8),
        Breadth::All => (420.0, 0.5),
    };
    View {
        object,
        developer_name,
        id: ids::salesforce_id("00B", dice.word() >> 16),
        breadth,
        columns,
        column_count,
        rows: dice.log_normal(median, sigma).min(2_000.0),
    }
}

fn report(dice: &mut Dice, team: Team, number: u32) -> Option<Report> {
    let titles = ["Pipeline", "Weekly Summary", "Aging", "Top 100", "By Region", "Open Items", "Activity", "History"];
    let object = dice.habit(team.objects()).copied()?;
    let title = dice.pick(&titles)?;
    let objects = match (object, dice.chance(0.5)) {
        ("Opportunity", true) => "Account, Opportunity",
        ("Contact", true) => "Account, Contact",
        ("Case", true) => "Account, Case, Contact",
        ("CampaignMember", true) => "Campaign, CampaignMember, Lead",
        _ => object,
    };
    Some(Report {
        id: ids::salesforce_id("00O", dice.word() >> 16),
        name: format!("{} {} {title} {number}", team.name(), object.trim_end_matches("__c")),
        objects,
        format: dice.weighted("Tabular", &[("Summary", 0.35), ("Matrix", 0.1)], 0.55),
        scope: dice.weighted("organization", &[("team", 0.25), ("user", 0.3)], 0.45),
        column_count: dice.whole(4, 14),
        rows: dice.log_normal(200.0, 1.0).clamp(3.0, 20_000.0),
    })
}

/// Returns a rollout every 18 days (a choice), on different days for each team.
fn rollouts(key: u64, team: Team, days: u32) -> Vec<Rollout> {
    let first = 8 + 3 * team as u32;
    let of_day = |day: u32| {
        let mut dice = Dice::new(key, Stream::Rollout, team as u32, day);
        let item = if dice.chance(0.6) {
            let object = dice.pick(team.objects()).copied()?;
            let breadth = dice.weighted(Breadth::Filtered, &[(Breadth::All, 0.3)], 0.7);
            Item::View(Arc::new(view(&mut dice, object, breadth, format!("{}_Focus_{day}", team.name()))))
        } else {
            Item::Report(Arc::new(report(&mut dice, team, 100 + day)?))
        };
        Some(Rollout { day, item })
    };
    (first..days.max(first)).step_by(18).filter_map(of_day).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_views_of_the_article_exist() {
        let catalog = Catalog::new(1, 60);
        let find = |name: &str| {
            TEAMS.iter().any(|&team| catalog.of_team(team).views.iter().any(|view| view.developer_name == name))
        };
        for name in [
            "MyAccounts",
            "My_Contacts",
            "MyOpportunities",
            "AllContacts",
            "ClosingThisMonth",
            "All_Enterprise_Accounts",
            "All_Cases",
        ] {
            assert!(find(name), "{name}");
        }
        assert_eq!(catalog.view("Opportunity", Breadth::All).unwrap().developer_name, "All_Opportunities");
    }

    #[test]
    fn foreign_objects_exclude_those_of_the_team() {
        for team in TEAMS {
            assert!(team.foreign_objects().iter().all(|object| !team.objects().contains(object)));
            assert!(team.foreign_objects().len() > 5);
        }
    }

    #[test]
    fn rollouts_do_not_depend_on_the_number_of_days() {
        let names = |days| -> Vec<u32> {
            Catalog::new(1, days).of_team(Team::Sales).rollouts.iter().map(|rollout| rollout.day).collect()
        };
        assert!(names(90).starts_with(&names(45)));
        assert_eq!(names(45), [8, 26, 44]);
    }
}
