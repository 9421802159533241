//! How much work there is: what an orchestrator tells of its jobs and its nodes, and how many nodes
//! that takes.

use std::collections::{BTreeMap, BTreeSet};

use super::{InstanceId, Region};

/// What a job needs, or a node has.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Resources {
    /// Processors.
    pub cpu: f64,
    /// Memory in bytes.
    pub memory: u64,
    /// Disk in bytes.
    pub disk: u64,
    /// Graphics processors.
    pub gpu: u64,
}

/// Executions of a job that run nowhere yet.
#[derive(Debug, Clone, PartialEq)]
pub struct Demand {
    /// The job's id.
    pub job: String,
    /// How many.
    pub count: u32,
    /// What each of them needs.
    pub each: Resources,
    /// The regions whose nodes the job's constraints allow; `None` where it has no constraints.
    pub regions: Option<BTreeSet<Region>>,
}

/// A node that is there and may work, as its orchestrator sees it.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct NodeLoad {
    /// What it has for jobs.
    pub capacity: Resources,
    /// What of its work has to wait on it, for it is full.
    pub enqueued: Resources,
    /// Whether batch or service jobs are at work on it.
    pub is_busy: bool,
    /// Whether nothing is, but what runs on every node anyway (daemon jobs).
    pub is_idle: bool,
}

/// One look at an orchestrator.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct QueueLook {
    /// What waits for a node.
    pub demand: Vec<Demand>,
    /// The nodes that work, by the instances after which ours are called.
    pub nodes: BTreeMap<InstanceId, NodeLoad>,
}

/// How many nodes a look asks for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fit {
    /// How many, besides those that are at work.
    pub nodes: u32,
    /// Where those have to be that are not at will; empty where any of them is.
    pub regions: BTreeSet<Region>,
    /// Jobs that fit no node.
    pub misfits: Vec<String>,
}

impl Resources {
    /// How many such needs have room here at the same time.
    fn times(self, need: Self) -> u32 {
        let whole = |room: u64, need: u64| room.checked_div(need).unwrap_or(u64::MAX);
        let others = whole(self.memory, need.memory)
            .min(whole(self.disk, need.disk))
            .min(whole(self.gpu, need.gpu));
        let others = u32::try_from(others).unwrap_or(u32::MAX);
        if need.cpu <= 0.0 {
            return others;
        }
        // Sums of tenths are never exact.
        let cpus = ((self.cpu + 1e-6) / need.cpu).floor().clamp(0.0, f64::from(u32::MAX));
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped")]
        let cpus = cpus as u32;
        others.min(cpus)
    }

    fn take(&mut self, need: Self, times: u32) {
        let many = u64::from(times);
        self.cpu = (self.cpu - need.cpu * f64::from(times)).max(0.0);
        self.memory = self.memory.saturating_sub(need.memory.saturating_mul(many));
        self.disk = self.disk.saturating_sub(need.disk.saturating_mul(many));
        self.gpu = self.gpu.saturating_sub(need.gpu.saturating_mul(many));
    }

    fn is_nothing(self) -> bool {
        self == Self::default()
    }
}

impl QueueLook {
    /// How many executions wait for a node.
    pub fn waiting(&self) -> u32 {
        self.demand.iter().fold(0, |sum, it| sum.saturating_add(it.count))
    }

    /// What waits, put onto empty nodes one after the other, each where it first fits; no more than
    /// so many nodes are reckoned with. A new node is the smallest of those there are that will do;
    /// where there is none to go by, one is asked for.
    pub fn fit(&self, most: u32) -> Fit {
        let mut sizes: Vec<Resources> = self.nodes.values().map(|node| node.capacity).collect();
        sizes.sort_by(|a, b| a.cpu.total_cmp(&b.cpu).then(a.memory.cmp(&b.memory)));
        sizes.dedup();
        let enqueued = self.nodes.values().map(|node| node.enqueued);
        let enqueued = enqueued.filter(|it| !it.is_nothing()).map(|each| (None, 1, each));
        let demand = self.demand.iter().map(|it| (Some(it), it.count, it.each));
        let (mut fit, mut rooms) = (Fit::default(), Vec::<Resources>::new());
        let mut is_at_will = false;
        for (demand, mut left, each) in enqueued.chain(demand) {
            if sizes.is_empty() {
                is_at_will |= demand.is_none_or(|it| it.regions.is_none());
                fit.regions.extend(demand.iter().filter_map(|it| it.regions.clone()).flatten());
                fit.nodes = u32::from(left > 0).max(fit.nodes).min(most);
                continue;
            }
            let nowhere =
                demand.is_some_and(|it| it.regions.as_ref().is_some_and(BTreeSet::is_empty));
            let size = sizes.iter().find(|size| size.times(each) > 0).filter(|_| !nowhere);
            let Some(size) = size.copied() else {
                fit.misfits.extend(demand.map(|it| it.job.clone()));
                continue;
            };
            for room in &mut rooms {
                let here = room.times(each).min(left);
                room.take(each, here);
                left -= here;
            }
            while left > 0 && rooms.len() < most as usize {
                let here = size.times(each).min(left);
                let mut room = size;
                room.take(each, here);
                rooms.push(room);
                left -= here;
            }
            is_at_will |= demand.is_none_or(|it| it.regions.is_none());
            fit.regions.extend(demand.iter().filter_map(|it| it.regions.clone()).flatten());
        }
        fit.nodes = u32::try_from(rooms.len()).unwrap_or(most).max(fit.nodes);
        if is_at_will {
            fit.regions.clear();
        }
        fit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn need(cpu: f64, mib: u64) -> Resources {
        Resources { cpu, memory: mib << 20, ..Resources::default() }
    }

    fn demand(count: u32, each: Resources) -> Demand {
        Demand { job: format!("j-{}", each.cpu), count, each, regions: None }
    }

    fn look(nodes: &[Resources], demand: Vec<Demand>) -> QueueLook {
        let nodes = nodes.iter().enumerate().map(|(index, capacity)| {
            let node = NodeLoad { capacity: *capacity, ..NodeLoad::default() };
            (InstanceId::new(format!("i-{index}")), node)
        });
        QueueLook { demand, nodes: nodes.collect() }
    }

    #[test]
    fn what_waits_is_put_where_it_first_fits() {
        let size = need(1.6, 3200);
        for (wanted, demand) in [
            (0, vec![]),
            (2, vec![demand(7, need(0.4, 100))]),
            (2, vec![demand(2, need(1.0, 100)), demand(3, need(0.2, 100))]),
            // Memory decides.
            (4, vec![demand(4, need(0.1, 2000))]),
            // What needs nothing has room for ever.
            (1, vec![demand(u32::MAX, need(0.0, 0))]),
            (50, vec![demand(u32::MAX, need(1.0, 1))]),
        ] {
            let fit = look(&[size], demand.clone()).fit(50);
            assert_eq!((fit.nodes, fit.misfits), (wanted, vec![]), "{demand:?}");
        }
    }

    #[test]
    fn what_fits_no_node_asks_for_none_and_is_named() {
        let sizes = [need(1.6, 3200), need(6.4, 12_800)];
        let fit = look(&sizes, vec![demand(2, need(4.0, 1)), demand(3, need(8.0, 1))]).fit(50);
        assert_eq!((fit.nodes, fit.misfits), (2, vec!["j-8".to_owned()]));
    }

    #[test]
    fn without_a_node_to_go_by_one_is_asked_for() {
        let waits = vec![demand(9, need(1.0, 1)), demand(9, need(2.0, 1))];
        assert_eq!(look(&[], waits).fit(50).nodes, 1);
        assert_eq!(look(&[], vec![]).fit(50).nodes, 0);
    }

    #[test]
    fn what_waits_on_a_full_node_asks_for_another() {
        let mut look = look(&[need(2.0, 100)], vec![]);
        look.nodes.values_mut().for_each(|node| node.enqueued = need(1.0, 50));
        assert_eq!(look.fit(50).nodes, 1);
    }

    #[test]
    fn constraints_say_where_unless_something_else_may_be_anywhere() {
        let bound = |region: &str| {
            let regions = Some([Region::new(region)].into());
            Demand { regions, ..demand(1, need(1.0, 1)) }
        };
        let one = look(&[need(1.0, 10)], vec![bound("eu-west-1"), bound("us-west-2")]).fit(9);
        assert_eq!((one.nodes, one.regions.len()), (2, 2));
        let any = look(&[need(1.0, 10)], vec![bound("eu-west-1"), demand(1, need(1.0, 1))]).fit(9);
        assert_eq!((any.nodes, any.regions.len()), (2, 0));
        let nowhere = Demand { regions: Some(BTreeSet::new()), ..demand(1, need(1.0, 1)) };
        let fit = look(&[need(1.0, 10)], vec![nowhere]).fit(9);
        assert_eq!((fit.nodes, fit.misfits.len()), (0, 1), "it is others' work");
    }
}
