//! DescribeInstanceStatus: what EC2's own checks say of instances.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use super::call::Call;
use super::parts::{moment, show_state};
use super::select::select_where;
use super::xml::Xml;
use crate::demo::scenario::ImpairedCheck;
use crate::demo::world::Refusal;
use crate::demo::world::instance::{Fate, Instance};
use crate::demo::world::region::RegionWorld;
use crate::fleet::Ec2State;

/// How long the first checks take.
const CHECKS: SignedDuration = SignedDuration::from_mins(2);

/// What a check says.
#[derive(Clone, Copy)]
enum Verdict {
    /// It is not looked at: the instance does not run.
    NotApplicable,
    Initializing,
    Ok,
    /// It fails since then.
    Impaired(Timestamp),
}

/// What the three checks say: of the machine, of the system on it, of its disks.
struct Verdicts([(ImpairedCheck, Verdict); 3]);

/// DescribeInstanceStatus: running instances alone, unless all are wanted.
pub(super) fn describe(call: &mut Call<'_>) -> Result<Xml, Refusal> {
    let all = call.form.flag("IncludeAllInstances")? == Some(true);
    let region = &*call.region;
    let page = select_where(call.form, region, region.instances.values(), |instance| {
        all || instance.state == Ec2State::Running
    })?;
    let mut xml = Xml::default();
    let mut met = BTreeSet::new();
    xml.list("instanceStatusSet", page.items, |item, instance: &Instance| {
        item.text("instanceId", &instance.id).text("availabilityZone", &instance.zone);
        item.group("instanceState", |state| show_state(state, instance.state));
        let Verdicts([system, machine, disks]) = verdicts(region, instance, &mut met);
        item.group("instanceStatus", |status| show(status, machine.1));
        item.group("systemStatus", |status| show(status, system.1));
        item.group("attachedEbsStatus", |status| show(status, disks.1));
    });
    xml.maybe("nextToken", page.next);
    call.region.hits.extend(met);
    Ok(xml)
}

/// What is said of an instance; the faults of the scenario that are met by it are noted.
fn verdicts(region: &RegionWorld, instance: &Instance, met: &mut BTreeSet<String>) -> Verdicts {
    let three = |verdict| {
        Verdicts(
            [ImpairedCheck::System, ImpairedCheck::Instance, ImpairedCheck::AttachedEbs]
                .map(|check| (check, verdict)),
        )
    };
    let Some(since) = instance.running_since else { return three(Verdict::NotApplicable) };
    if region.now.duration_since(since) < CHECKS {
        return three(Verdict::Initializing);
    }
    let mut verdicts = three(Verdict::Ok);
    if instance.fate == Fate::Dead {
        verdicts.fail(ImpairedCheck::Instance, since + CHECKS);
    }
    for (index, fault) in region.laws.scenario.impaired.iter().enumerate() {
        let is_meant = fault.region == region.place.code
            && fault.nth <= instance.ordinal
            && instance.ordinal - fault.nth < fault.count;
        let moment = |second: u32| region.laws.began + SignedDuration::from_secs(second.into());
        let from = moment(fault.from_s);
        let is_over = fault.until_s.is_some_and(|until| region.now >= moment(until));
        if is_meant && region.now >= from && !is_over {
            met.insert(format!("impaired[{index}]"));
            verdicts.fail(fault.check, from);
        }
    }
    verdicts
}

impl Verdicts {
    fn fail(&mut self, check: ImpairedCheck, since: Timestamp) {
        for (known, verdict) in &mut self.0 {
            if *known == check {
                *verdict = Verdict::Impaired(since);
            }
        }
    }
}

/// As in the service model of EC2 (SummaryStatus, StatusType, InstanceStatusDetails).
fn show(xml: &mut Xml, verdict: Verdict) {
    let (status, reachability) = match verdict {
        Verdict::NotApplicable => ("not-applicable", None),
        Verdict::Initializing => ("initializing", Some("initializing")),
        Verdict::Ok => ("ok", Some("passed")),
        Verdict::Impaired(_) => ("impaired", Some("failed")),
    };
    xml.text("status", status);
    xml.list("details", reachability, |item, status| {
        if let Verdict::Impaired(since) = verdict {
            item.text("impairedSince", moment(since));
        }
        item.text("name", "reachability").text("status", status);
    });
}
