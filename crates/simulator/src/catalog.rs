//! What there is to look at: objects, list views, reports and queries, team by team.

use std::sync::Arc;

use crate::dice::{Dice, Stream};
use crate::ids;

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
    /// Everybody's records, narrowed by a filter.
    Filtered,
    All,
}

#[derive(Debug)]
pub(crate) struct View {
    pub(crate) object: &'static str,
    /// Empty for a default view.
    pub(crate) developer_name: String,
    pub(crate) id: String,
    pub(crate) breadth: Breadth,
    pub(crate) columns: &'static str,
    pub(crate) column_count: u32,
    /// Rows that a median user sees.
    pub(crate) rows: f64,
}

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

/// One SOQL statement.
#[derive(Debug)]
pub(crate) struct Query {
    /// Comma and space between names, as `QueriedEntities` has them.
    pub(crate) objects: &'static str,
    pub(crate) text: String,
}

/// Something new that a whole team gets on one day.
pub(crate) struct Rollout {
    pub(crate) day: u32,
    pub(crate) item: Item,
}

#[derive(Clone)]
pub(crate) enum Item {
    View(Arc<View>),
    Report(Arc<Report>),
}

pub(crate) struct Shelf {
    pub(crate) views: Vec<Arc<View>>,
    pub(crate) reports: Vec<Arc<Report>>,
    pub(crate) rollouts: Vec<Rollout>,
}

pub(crate) struct Catalog {
    shelves: [Shelf; TEAMS.len()],
}

impl Catalog {
    pub(crate) fn new(key: u64, days: u32) -> Catalog {
        Catalog { shelves: TEAMS.map(|team| shelf(key, team, days)) }
    }

    pub(crate) fn shelf(&self, team: Team) -> &Shelf {
        let [sales, service, marketing, finance, admin, integration] = &self.shelves;
        match team {
            Team::Sales => sales,
            Team::Service => service,
            Team::Marketing => marketing,
            Team::Finance => finance,
            Team::Admin => admin,
            Team::Integration => integration,
        }
    }

    /// The first view of an object with this breadth, on any shelf.
    pub(crate) fn view(&self, object: &str, breadth: Breadth) -> Option<&Arc<View>> {
        let mut views = self.shelves.iter().flat_map(|shelf| &shelf.views);
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

    /// The objects of a team, most used first.
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

    /// Objects that this team seldom or never opens.
    pub(crate) fn foreign_objects(self) -> Vec<&'static str> {
        let mut objects: Vec<&'static str> = TEAMS.iter().flat_map(|team| team.objects()).copied().collect();
        objects.extend(["Partner_Agreement__c", "Compensation__c", "PricebookEntry", "ContentVersion"]);
        objects.sort_unstable();
        objects.dedup();
        objects.retain(|object| !self.objects().contains(object));
        objects
    }

    /// 18-character profile and role ids.
    pub(crate) fn profile_id(self) -> String {
        ids::salesforce_id("00e", 700 + self as u64)
    }

    pub(crate) fn role_id(self) -> String {
        ids::salesforce_id("00E", 900 + self as u64)
    }
}

/// The columns a list view or query of an object shows.
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

/// How broad a view somebody takes who gets to know an object.
pub(crate) fn newcomers_breadth(dice: &mut Dice) -> Breadth {
    dice.weighted(Breadth::Filtered, &[(Breadth::All, 0.4), (Breadth::Mine, 0.2)], 0.4)
}

fn shelf(key: u64, team: Team, days: u32) -> Shelf {
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
    Shelf { views, reports, rollouts: rollouts(key, team, days) }
}

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

/// A new view or report about every eighteen days, at other times in other teams.
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
            TEAMS.iter().any(|&team| catalog.shelf(team).views.iter().any(|view| view.developer_name == name))
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
    fn foreign_objects_are_not_the_teams_own() {
        for team in TEAMS {
            assert!(team.foreign_objects().iter().all(|object| !team.objects().contains(object)));
            assert!(team.foreign_objects().len() > 5);
        }
    }

    #[test]
    fn rollouts_do_not_depend_on_the_number_of_days() {
        let names = |days| -> Vec<u32> {
            Catalog::new(1, days).shelf(Team::Sales).rollouts.iter().map(|rollout| rollout.day).collect()
        };
        assert!(names(90).starts_with(&names(45)));
        assert_eq!(names(45), [8, 26, 44]);
    }
}
