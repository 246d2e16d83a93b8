use super::*;
use proptest::prelude::*;

fn scope_of(scope: &str) -> Option<Scope> {
    [("mine", Scope::Own), ("everything", Scope::All)].into_iter().find(|(name, _)| scope == *name).map(|(_, s)| s)
}

fn scope(text: &str) -> Option<Scope> {
    read(text, scope_of).map(|query| query.scope)
}

#[test]
fn the_object_is_that_of_the_outer_query() {
    let object = |text| read(text, scope_of).map(|query| query.object);
    assert_eq!(object("SELECT Id, (SELECT Id FROM Contacts) FROM Account"), Some("Account"));
    assert_eq!(object("select count()\nfrom\tOpportunity"), Some("Opportunity"));
    assert_eq!(object("SELECT a.Id FROM Account a, a.Contacts c"), Some("Account"));
    assert_eq!(object("SELECT TYPEOF What WHEN Account THEN Phone ELSE Name END FROM Event"), Some("Event"));
}

#[test]
fn a_query_without_a_condition_reads_all() {
    for text in [
        "SELECT Id, Name FROM Account",
        "select id from Account order by CreatedDate desc",
        "SELECT Id FROM Account LIMIT 50000",
        "SELECT Id FROM Account LIMIT :size",
        "SELECT Id, (SELECT Id FROM Contacts WHERE AccountId = '001A0000012AbCd' LIMIT 1) FROM Account",
        "SELECT Id FROM Account USING SCOPE everything",
        "SELECT Industry, SUM(AnnualRevenue) FROM Account GROUP BY ROLLUP(Industry)",
        "SELECT Id /* WHERE Id = '001A0000012AbCd' */ FROM Account // WHERE Name = 'x'",
        "SELECT Id FROM Account WITH SECURITY_ENFORCED FOR VIEW",
        "SELECT FIELDS(ALL) FROM Account LIMIT 200",
        "SELECT Id, fields(all) FROM Account LIMIT 200 OFFSET 400",
        "SELECT Id FROM Account LIMIT 200 OFFSET 400",
    ] {
        assert_eq!(scope(text), Some(Scope::All), "{text}");
    }
}

#[test]
fn indexed_fields_select() {
    for text in [
        "SELECT Id FROM Account WHERE Id = '001A0000012AbCd'",
        "SELECT Id FROM Account WHERE Id IN ('001A0000012AbCd', '001A0000012AbCe')",
        "SELECT Id FROM Account WHERE Id IN :ids",
        "SELECT Id FROM Account WHERE Id IN:ids AND Industry = 'Banking'",
        "SELECT Id FROM Account WHERE ownerid=:user.Id",
        "SELECT Id FROM Contact WHERE Account.OwnerId = '005A0000012AbCd'",
        "SELECT Id FROM Contact WHERE Region__c = 'a0BA0000012AbCdIAK'",
        "SELECT Id FROM Contact WHERE Email = 'a\\'b@example.com' AND IsDeleted = false",
        "SELECT Id FROM Account WHERE Legacy_ID__c IN ('1', '2')",
        "SELECT Id FROM Account WHERE Name LIKE 'Acme%'",
        "SELECT Id FROM Account WHERE LastModifiedDate > LAST_N_DAYS:1 ORDER BY LastModifiedDate ASC",
        "SELECT Id FROM Account WHERE SystemModstamp >= 2026-01-05T00:00:00+01:00 AND SystemModstamp < 2026-01-06T00:00:00Z",
        "SELECT Id FROM Account WHERE CreatedDate = TODAY",
        "SELECT Id FROM Account WHERE (Name = 'A' OR (Name = 'B' AND Industry = 'x')) AND Rating != 'Hot'",
        "SELECT Id FROM Account WHERE Id IN (SELECT AccountId FROM Case WHERE CaseNumber = '00001')",
        "SELECT FIELDS(ALL) FROM Account WHERE Id = '001A0000012AbCd' LIMIT 200",
        "SELECT Id FROM Account LIMIT 1",
    ] {
        assert_eq!(scope(text), Some(Scope::Selected), "{text}");
    }
}

#[test]
fn conditions_that_leave_most_records_do_not_select() {
    for text in [
        "SELECT Id FROM Account WHERE Id != null",
        "SELECT Id FROM Account WHERE Id > '000000000000000' ORDER BY Id",
        "SELECT Id FROM Account WHERE Id = '001A0000012AbCd' OR Name != 'x'",
        "SELECT Id FROM Account WHERE NOT (Name = 'x')",
        "SELECT Id FROM Account WHERE OwnerId NOT IN ('005A0000012AbCd')",
        "SELECT Id FROM Account WHERE ParentId = null",
        "SELECT Id FROM Account WHERE Name LIKE '%a%'",
        "SELECT Id FROM Account WHERE CreatedDate < 2026-01-05T00:00:00Z",
        "SELECT Id FROM Account WHERE CALENDAR_YEAR(CreatedDate) = 2026",
        "SELECT Id FROM Account WHERE Industry = 'WHERE Id = \\'001A0000012AbCd\\''",
        "SELECT Id FROM Account WHERE IsPaid = true",
        "SELECT Id FROM Account WHERE RecordTypeId = '012A0000012AbCd'",
        "SELECT Id FROM Account WHERE RecordType.Name = 'Customer'",
        "SELECT Id FROM Account WHERE Owner.Profile.Name = 'Sales'",
        "SELECT Id FROM Account WHERE Id IN (SELECT AccountId FROM Case)",
        "SELECT Id FROM Account WHERE Interests__c INCLUDES ('a;b', 'c')",
    ] {
        assert_eq!(scope(text), Some(Scope::All), "{text}");
    }
}

#[test]
fn counts_and_scopes() {
    assert_eq!(scope("SELECT COUNT() FROM Account"), Some(Scope::Count));
    assert_eq!(scope("select count ( Id ) total from Account where Name != null"), Some(Scope::Count));
    assert_eq!(scope("SELECT MAX(SystemModstamp) FROM Account"), Some(Scope::Count));
    assert_eq!(scope("SELECT COUNT(Id) n, MIN(CreatedDate) FROM Account"), Some(Scope::Count));
    assert_eq!(scope("SELECT COUNT_DISTINCT(OwnerId) FROM Account GROUP BY Industry"), Some(Scope::All));
    assert_eq!(scope("SELECT Industry, COUNT(Id) FROM Account GROUP BY Industry"), Some(Scope::All));
    assert_eq!(scope("SELECT COUNT(Id), Industry FROM Account GROUP BY Industry"), Some(Scope::All));
    assert_eq!(scope("SELECT Id FROM Account USING SCOPE mine"), Some(Scope::Own));
}

#[test]
fn other_texts_are_unknown() {
    for text in [
        "",
        "SELECT",
        "SELECT FROM Account",
        "SELECT Id",
        "SELECT Id FROM",
        "FIND {Acme} IN ALL FIELDS RETURNING Account(Id)",
        "SELECT Id FROM Account WHERE",
        "SELECT Id FROM Account WHERE Name",
        "SELECT Id FROM Account WHERE Name = 'never ends",
        "SELECT Id FROM Account /* never ends",
        "SELECT Id FROM Account WHERE (Name = 'a'",
        "SELECT Id FROM Account)",
        "UPDATE Account SET Name = 'x'",
    ] {
        assert_eq!(scope(text), None, "{text}");
    }
    let deep = format!("SELECT Id FROM Account WHERE {}Id = null", "(".repeat(100_000));
    assert_eq!(scope(&deep), None);
    let nots = format!("SELECT Id FROM Account WHERE {}Id = null", "NOT ".repeat(100_000));
    assert_eq!(scope(&nots), None);
}

proptest! {
    #[test]
    fn no_text_panics(text in any::<String>(), tail in any::<String>()) {
        let _ = (scope(&text), scope(&format!("SELECT {text} FROM {tail}")));
        let _ = scope(&format!("SELECT Id FROM A WHERE {text}'{tail}"));
    }

    #[test]
    fn no_sequence_of_tokens_panics(words in prop::collection::vec(prop::sample::select(vec![
        "SELECT", "FROM", "WHERE", "(", ")", "'", "\\", "NOT", "IN", "OR", "AND", "Id", "=", ":", "/*", "*/", "LIMIT", "ü", ",",
    ]), 0..40)) {
        let text = words.join(" ");
        let _ = (scope(&text), scope(&words.concat()), scope(&format!("SELECT Id FROM A WHERE {text}")));
    }

    #[test]
    fn white_space_and_case_change_nothing(space in "[ \n\t]{1,3}", lower in any::<bool>()) {
        let words = ["SELECT", "Id", "FROM", "Account", "WHERE", "Id", "=", "'001A0000012AbCd'"];
        let spelled = words.map(|word| if lower && word.len() > 2 && !word.starts_with('\'') { word.to_lowercase() } else { word.into() });
        prop_assert_eq!(scope(&spelled.join(&space)), Some(Scope::Selected));
    }
}
