//! DescribeInstanceStatus: what EC2's own checks say of instances.

use jiff::SignedDuration;

use super::call::Call;
use super::parts::show_state;
use super::select::select_where;
use super::xml::Xml;
use crate::demo::world::Refusal;
use crate::demo::world::instance::{Fate, Instance};
use crate::demo::world::region::RegionWorld;
use crate::fleet::Ec2State;

/// How long the first checks take.
const CHECKS: SignedDuration = SignedDuration::from_mins(2);

/// What a check says: its status, and of the one thing that it looks at, where it looked.
type Verdict = (&'static str, Option<&'static str>);

/// DescribeInstanceStatus: running instances alone, unless all are wanted.
pub(super) fn describe(call: &mut Call<'_>) -> Result<Xml, Refusal> {
    let all = call.form.flag("IncludeAllInstances")? == Some(true);
    let region = &*call.region;
    let page = select_where(call.form, region, region.instances.values(), |instance| {
        all || instance.state == Ec2State::Running
    })?;
    let mut xml = Xml::default();
    xml.list("instanceStatusSet", page.items, |item, instance: &Instance| {
        item.text("instanceId", &instance.id).text("availabilityZone", &instance.zone);
        item.group("instanceState", |state| show_state(state, instance.state));
        let (machine, system) = verdicts(region, instance);
        item.group("instanceStatus", |status| show(status, system));
        item.group("systemStatus", |status| show(status, machine));
    });
    xml.maybe("nextToken", page.next);
    Ok(xml)
}

/// What is said of the machine, and of the system on it.
fn verdicts(region: &RegionWorld, instance: &Instance) -> (Verdict, Verdict) {
    let Some(since) = instance.running_since else {
        return (("not-applicable", None), ("not-applicable", None));
    };
    let passed = ("ok", Some("passed"));
    if region.now.duration_since(since) < CHECKS {
        let first = ("initializing", Some("initializing"));
        (first, first)
    } else if instance.fate == Fate::Dead {
        (passed, ("impaired", Some("failed")))
    } else {
        (passed, passed)
    }
}

fn show(xml: &mut Xml, (status, reachability): Verdict) {
    xml.text("status", status);
    xml.list("details", reachability, |item, status| {
        item.text("name", "reachability").text("status", status);
    });
}
