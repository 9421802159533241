//! Which quota a machine type counts against, and where it is raised.
//!
//! EC2 counts virtual processors by groups of families, spot and on-demand apart; the codes are
//! the same in every region (Service Quotas, service `ec2`).

use crate::fleet::{MachineType, Region};

/// Families that share a quota.
struct Group {
    /// What their types begin with: letters, or letters and a generation. Where both are listed, the
    /// generation counts.
    families: &'static [&'static str],
    /// The quota's code for spot and for on-demand; `None` where sources disagree.
    codes: Option<(&'static str, &'static str)>,
}

const fn group(
    families: &'static [&'static str],
    codes: Option<(&'static str, &'static str)>,
) -> Group {
    Group { families, codes }
}

/// Those that do not share the quota of the standard families.
const GROUPS: &[Group] = &[
    group(&["f"], Some(("L-88CF9481", "L-74FC7D96"))),
    group(&["g", "gr", "vt"], Some(("L-3819A6DF", "L-DB2E81BA"))),
    // AWS counts spot of P5 apart from the older P (EC2 User Guide, Spot Instance quotas), those on
    // demand together. Of what came after P5 no list tells where it counts.
    group(&["p2", "p3", "p4"], Some(("L-7212CCBC", "L-417A185B"))),
    group(&["p5"], Some(("L-C4BD4855", "L-417A185B"))),
    group(&["p"], None),
    group(&["x"], Some(("L-E3A00192", "L-7295265B"))),
    group(&["inf"], Some(("L-B5D1601B", "L-1945791B"))),
    group(&["dl"], Some(("L-85EED4F7", "L-6E869C2A"))),
    group(&["trn"], None),
    group(&["u"], None),
];

/// All other families: A, C, D, H, I, M, R, T, Z.
const STANDARD: (&str, &str) = ("L-34B43A08", "L-1216C47A");

/// Which group of families a type counts against: those of one group share their quota. `None` is
/// the group of the standard families.
pub fn quota_group(machine_type: &MachineType) -> Option<&'static str> {
    group_of(machine_type).map(|group| group.families[0])
}

fn group_of(machine_type: &MachineType) -> Option<&'static Group> {
    // `g5.xlarge` is of the family g, `gr6.4xlarge` of gr, `u-6tb1.metal` of u, `p5en.48xlarge` of p5.
    let name = machine_type.as_str();
    let letters = name.split(|c: char| !c.is_ascii_lowercase()).next()?;
    let rest = &name[letters.len()..];
    let digits = rest.split(|c: char| !c.is_ascii_digit()).next()?;
    let generation = &name[..letters.len() + digits.len()];
    let of = |family: &str| GROUPS.iter().find(|group| group.families.contains(&family));
    of(generation).or_else(|| of(letters))
}

/// Where the quota of this type is raised; without a type, of the standard families.
pub(super) fn quota_link(
    region: &Region,
    machine_type: Option<&MachineType>,
    spot: bool,
) -> String {
    let page = quotas(region, "ec2");
    quota_code(machine_type, spot).map_or_else(|| page.clone(), |code| format!("{page}/{code}"))
}

/// The code of the quota that this type counts against, where it is known; without a type, that of
/// the standard families.
pub(super) fn quota_code(machine_type: Option<&MachineType>, spot: bool) -> Option<&'static str> {
    let codes = machine_type.and_then(group_of).map_or(Some(STANDARD), |group| group.codes);
    codes.map(|(for_spot, on_demand)| if spot { for_spot } else { on_demand })
}

/// The page of all quotas of a service.
pub(super) fn quotas(region: &Region, service: &str) -> String {
    format!("https://{region}.console.aws.amazon.com/servicequotas/home/services/{service}/quotas")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_group_of_families_has_its_own_quota() {
        let link = |name: &str, spot| {
            let link = quota_link(&"eu-west-1".into(), Some(&name.into()), spot);
            link.rsplit('/').next().unwrap().to_owned()
        };
        assert_eq!(link("t3.medium", true), "L-34B43A08");
        assert_eq!(link("inf2.xlarge", true), "L-B5D1601B");
        assert_eq!(link("g5.xlarge", true), "L-3819A6DF");
        assert_eq!(link("gr6.4xlarge", true), "L-3819A6DF");
        assert_eq!(link("vt1.3xlarge", false), "L-DB2E81BA");
        assert_eq!(link("i4i.large", true), "L-34B43A08", "i is no inf");
        assert_eq!(link("trn1.2xlarge", true), "quotas");
    }

    #[test]
    fn spot_of_p5_has_a_quota_of_its_own_and_later_ones_have_none_that_is_known() {
        let code = |name: &str, spot| quota_code(Some(&name.into()), spot);
        for name in ["p2.xlarge", "p3dn.24xlarge", "p4d.24xlarge", "p4de.24xlarge"] {
            assert_eq!(code(name, true), Some("L-7212CCBC"), "{name}");
        }
        for name in ["p5.48xlarge", "p5e.48xlarge", "p5en.48xlarge"] {
            assert_eq!(code(name, true), Some("L-C4BD4855"), "{name}");
            assert_eq!(code(name, false), Some("L-417A185B"), "{name}");
        }
        for name in ["p6-b200.48xlarge", "p6e-gb200.36xlarge", "p50.large"] {
            assert_eq!((code(name, true), code(name, false)), (None, None), "{name}");
        }
    }

    #[test]
    fn types_of_one_group_share_a_quota() {
        assert_eq!(quota_group(&"t3.medium".into()), quota_group(&"m7g.large".into()));
        assert_eq!(quota_group(&"g5.xlarge".into()), quota_group(&"vt1.3xlarge".into()));
        assert_ne!(quota_group(&"g5.xlarge".into()), quota_group(&"c5.large".into()));
        assert_eq!(quota_group(&"p3.2xlarge".into()), quota_group(&"p4d.24xlarge".into()));
        assert_ne!(quota_group(&"p4d.24xlarge".into()), quota_group(&"p5.48xlarge".into()));
        assert_ne!(quota_group(&"p5.48xlarge".into()), quota_group(&"p6-b200.48xlarge".into()));
    }
}
