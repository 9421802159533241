//! Tasks that replace the root volume of an instance, on the wire.

use super::call::Call;
use super::order::token;
use super::parts::moment;
use super::select::Filters;
use super::xml::Xml;
use crate::demo::world::Refusal;
use crate::demo::world::volume::RootTask;

/// CreateReplaceRootVolumeTask, with a volume: nobody here asks for a snapshot's or an image's.
pub(super) fn create(call: &mut Call<'_>) -> Result<Xml, Refusal> {
    let form = call.form;
    let (instance, volume) = (form.need("InstanceId")?, form.need("VolumeId")?);
    let deletes = form.flag("DeleteReplacedRootVolume")?.unwrap_or(false);
    let id = call.region.replace_root(instance, volume, token(form)?, deletes)?;
    let mut xml = Xml::default();
    if let Some(task) = call.region.root_tasks.get(&id) {
        xml.group("replaceRootVolumeTask", |it| show(it, task));
    }
    Ok(xml)
}

/// DescribeReplaceRootVolumeTasks.
pub(super) fn describe(call: &mut Call<'_>) -> Result<Xml, Refusal> {
    let filters = Filters::read(call.form, &["instance-id"])?;
    let ids = call.form.list("ReplaceRootVolumeTaskId");
    let tasks = call.region.root_tasks.values().filter(|task| {
        (ids.is_empty() || ids.contains(&task.id)) && filters.pass(|_| vec![task.instance.clone()])
    });
    let mut xml = Xml::default();
    xml.list("replaceRootVolumeTaskSet", tasks, show);
    Ok(xml)
}

fn show(xml: &mut Xml, task: &RootTask) {
    xml.text("replaceRootVolumeTaskId", &task.id).text("instanceId", &task.instance);
    xml.text("taskState", task.state).text("startTime", moment(task.started));
    xml.maybe("completeTime", task.completed.map(moment));
    xml.text("deleteReplacedRootVolume", task.deletes_old);
}
