//! Resolves what the command line names: instances by id, beginning of an id, name or address,
//! and regions.

use crate::app::Scope;
pub(super) use crate::app::resolve::instance;
use crate::cli;
use crate::fleet::{Account, Fleet, Instance, InstanceKey, Region};

/// What was named on the command line, resolved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Targets {
    /// These rows.
    Instances(Vec<InstanceKey>),
    /// These regions.
    Regions(Vec<Region>),
    /// Everything of the deployment.
    All,
}

impl Targets {
    /// The rows that will go, as far as they are known.
    pub(super) fn instances<'a>(&'a self, fleet: &'a Fleet) -> impl Iterator<Item = &'a Instance> {
        fleet.alive().filter(move |instance| match self {
            Self::Instances(keys) => keys.contains(&instance.key),
            Self::Regions(regions) => regions.contains(&instance.region),
            Self::All => true,
        })
    }

    /// The same for the model.
    pub(super) fn scopes(&self) -> Vec<Scope> {
        match self {
            Self::Instances(keys) => vec![Scope::Instances(keys.clone())],
            Self::Regions(regions) => regions.iter().cloned().map(Scope::Region).collect(),
            Self::All => vec![Scope::All],
        }
    }
}

/// Finds what the arguments name. A region has to be one of the account's: what is misspelled
/// would else be found empty.
pub(super) fn targets(
    fleet: &Fleet,
    account: Option<&Account>,
    args: &cli::Destroy,
) -> Result<Targets, String> {
    if args.all {
        return Ok(Targets::All);
    }
    if !args.region.is_empty() {
        let regions: Vec<Region> = args.region.iter().map(|r| Region::from(r.as_str())).collect();
        let is_unknown =
            |region: &&Region| account.is_some_and(|account| !account.regions.contains(region));
        return match regions.iter().find(is_unknown) {
            Some(region) => Err(format!("--region {region}: the account has no such region")),
            None => Ok(Targets::Regions(regions)),
        };
    }
    // A machine may have nothing left but what it keeps.
    let keeps = |name: &&String| args.with_kept.is_some() && fleet.kept_of(name).next().is_some();
    let mut keys = Vec::new();
    for text in &args.instances {
        match instance(fleet, text) {
            Ok(key) => keys.push(key),
            Err(_) if keeps(&text) => {}
            Err(why) => return Err(why),
        }
    }
    Ok(Targets::Instances(keys))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::StoredInstance;

    fn fleet() -> Fleet {
        let mut fleet = Fleet::default();
        for (id, ip) in [("i-0aa1", "192.0.2.1"), ("i-0aa2", "192.0.2.2"), ("i-0b", "192.0.2.3")] {
            let entry = serde_json::json!({
                "id": id, "region": "us-west-2", "public_ip": ip, "state": "running"
            });
            let entry: StoredInstance = serde_json::from_value(entry).unwrap();
            fleet.insert(entry.instance(jiff::Timestamp::UNIX_EPOCH));
        }
        fleet
    }

    #[test]
    fn an_id_its_beginning_or_an_address_means_one_instance() {
        assert_eq!(instance(&fleet(), "i-0aa1").unwrap().as_str(), "i-0aa1");
        assert_eq!(instance(&fleet(), "i-0b").unwrap().as_str(), "i-0b");
        assert_eq!(instance(&fleet(), "192.0.2.2").unwrap().as_str(), "i-0aa2");
    }

    #[test]
    fn a_misspelled_region_is_refused() {
        let account = Account {
            id: "1".into(),
            arn: String::new(),
            creator: "alice".into(),
            regions: vec!["us-west-2".into()],
        };
        let args = |region: &str| cli::Destroy {
            instances: Vec::new(),
            region: vec![region.to_owned()],
            all: false,
            with_kept: None,
            pull: Vec::new(),
            yes: true,
            json: false,
        };
        assert!(targets(&fleet(), Some(&account), &args("us-west-2")).is_ok());
        let refused = targets(&fleet(), Some(&account), &args("us-wset-2")).unwrap_err();
        assert!(refused.contains("us-wset-2"), "{refused}");
    }

    #[test]
    fn what_may_be_several_or_none_is_refused_by_name() {
        let several = instance(&fleet(), "i-0aa").unwrap_err();
        assert!(several.contains("i-0aa1") && several.contains("i-0aa2"), "{several}");
        assert!(instance(&fleet(), "").is_err());
        assert!(instance(&fleet(), "i-9").unwrap_err().contains("spot-tui list"));
    }
}
