//! The answer to a request: who asks what where, what the story has in store for it, and the action
//! that is done.

use super::actions::{Action, DRY_RUN};
use super::call::Call;
use super::form::Form;
use super::message::{Answer, Reply, Request, Service};
use super::xml::Xml;
use super::{monitoring, price_list, quotas, services};
use crate::demo::scenario::Trouble;
use crate::demo::world::pace::{QUERY, UNPAGED};
use crate::demo::world::{CallSeen, Refusal, State, World, advisor};
use crate::fleet::REGION_LOCATIONS;

/// Who asks what where.
struct Asked {
    service: Service,
    region: String,
    action: String,
    form: Form,
}

impl Asked {
    fn read(request: &Request) -> Self {
        // Credential=KEY/20261120/us-west-2/ec2/aws4_request
        let scope = request.authorization.split("Credential=").nth(1).unwrap_or_default();
        let mut scope = scope.split([',', ' ']).next().unwrap_or_default().split('/').skip(2);
        let region = scope.next().unwrap_or_default().to_owned();
        let service = match scope.next() {
            None if request.path == advisor::PATH => Service::Advisor,
            Some("sts") => Service::Sts,
            Some("ssm") => Service::Ssm,
            Some("pricing") => Service::Pricing,
            Some("servicequotas") => Service::Quotas,
            Some("monitoring") => Service::Monitoring,
            _ => Service::Ec2,
        };
        let form = match service {
            Service::Ssm
            | Service::Pricing
            | Service::Quotas
            | Service::Monitoring
            | Service::Advisor => Form::default(),
            Service::Ec2 | Service::Sts => Form::parse(&request.body),
        };
        let target = request.target.rsplit('.').next().unwrap_or_default();
        let action = match service {
            Service::Advisor => "SpotAdvisor".to_owned(),
            _ => form.get("Action").unwrap_or(target).to_owned(),
        };
        Self { service, region, action, form }
    }

    /// Under which name a scenario and who counts know the call: a rehearsal is none of its kind.
    fn name(&self) -> String {
        let rehearses = matches!(self.form.flag("DryRun"), Ok(Some(true)));
        format!("{}{}", self.action, if rehearses { DRY_RUN } else { "" })
    }
}

/// One call of EC2 as its form, `Action=StopInstances&InstanceId.1=i-..`, in a region: what somebody
/// does in the AWS console meanwhile. The status and the body of the answer; 0 where there is none.
pub fn by_hand(world: &World, region: &str, form: &str) -> (u16, String) {
    let authorization = format!("Credential=HAND/20260101/{region}/ec2/aws4_request");
    let body = form.as_bytes().to_vec();
    match answer(world, &Request { authorization, body, ..Request::default() }) {
        Reply::Answer(answer) => (answer.status, answer.body),
        Reply::Cut | Reply::Silence => (0, String::new()),
    }
}

/// Answers a request. Whatever it changes is changed when this returns; how long it takes and how
/// it gets back is the front's business.
pub(super) fn answer(world: &World, request: &Request) -> Reply {
    let mut state = world.now();
    state.requests += 1;
    let request_id = format!("00000000-0000-4000-8000-{:012x}", state.requests);
    let asked = Asked::read(request);
    let action = asked.name();
    let trouble = state.trouble(&action, &asked.region);
    let reply = match trouble {
        None => Reply::Answer(serve_call(&mut state, &asked, request, &request_id)),
        Some(trouble) => {
            if trouble.has_effect() {
                serve_call(&mut state, &asked, request, &request_id);
            }
            troubled(trouble, asked.service, &request_id)
        }
    };
    let (status, code) = match &reply {
        Reply::Answer(answer) => (answer.status, answer.code.clone()),
        Reply::Cut | Reply::Silence => (0, None),
    };
    let at = world.clock().now();
    state.remember(CallSeen { at, region: asked.region, action, status, code });
    reply
}

fn serve_call(state: &mut State, asked: &Asked, request: &Request, request_id: &str) -> Answer {
    if asked.service == Service::Advisor {
        // It is public: nobody signs.
        let content_type = "application/json";
        let file = advisor::file(&state.laws.scenario);
        return Answer { content_type, ..Answer::xml(200, file, request_id) };
    }
    if request.authorization.is_empty() {
        let message = "Request is missing Authentication Token";
        let refusal = Refusal::with_status(403, "MissingAuthenticationToken", message);
        return refused(asked.service, &refusal, request_id);
    }
    let place = REGION_LOCATIONS.iter().find(|place| place.code == asked.region);
    let open = place.is_some_and(|place| !place.opt_in || state.laws.opted_in.contains(place.code));
    if !open {
        let message = "AWS was not able to validate the provided access credentials";
        let refusal = Refusal::with_status(401, "AuthFailure", message);
        return refused(asked.service, &refusal, request_id);
    }
    if let Some(refusal) = denied(state, asked) {
        return refused(asked.service, &refusal, request_id);
    }
    match asked.service {
        Service::Sts => services::sts(&state.laws, &asked.form, request_id),
        Service::Ssm => services::ssm(&asked.region, &asked.action, &request.body, request_id),
        Service::Pricing => price_list::answer(state, &asked.action, &request.body, request_id),
        Service::Quotas => {
            quotas::answer(&state.laws, &asked.region, &asked.action, &request.body, request_id)
        }
        Service::Monitoring => {
            monitoring::answer(state, &asked.region, &asked.action, &request.body, request_id)
        }
        Service::Ec2 | Service::Advisor => match ec2(state, asked) {
            Ok(xml) => {
                let action = &asked.action;
                let body = format!(
                    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<{action}Response \
                     xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\"><requestId>{request_id}\
                     </requestId>{}</{action}Response>",
                    xml.into_text()
                );
                Answer::xml(200, body, request_id)
            }
            Err(refusal) => refused(Service::Ec2, &refusal, request_id),
        },
    }
}

/// What a service control policy says to a call, where it denies the region. The organisations'
/// usual one lets STS and the price list through, which have no region of the account's.
fn denied(state: &mut State, asked: &Asked) -> Option<Refusal> {
    let (prefix, status, code) = match asked.service {
        Service::Ec2 => ("ec2", 403, "UnauthorizedOperation"),
        Service::Ssm => ("ssm", 400, "AccessDeniedException"),
        Service::Quotas => ("servicequotas", 400, "AccessDeniedException"),
        Service::Monitoring => ("cloudwatch", 400, "AccessDenied"),
        Service::Sts | Service::Pricing | Service::Advisor => return None,
    };
    if !state.laws.denies(&asked.region) {
        return None;
    }
    state.hit("account.allowed_regions");
    let (user, action) = (state.laws.user_arn(), &asked.action);
    let denied = format!(
        "User: {user} is not authorized to perform: {prefix}:{action} with an explicit deny in a \
         service control policy"
    );
    let message = match asked.service {
        Service::Ec2 => format!("You are not authorized to perform this operation. {denied}"),
        _ => denied,
    };
    Some(Refusal::with_status(status, code, message))
}

/// The calls for which EC2 counts a question for everything at once apart.
const COUNTED_APART: [&str; 6] = [
    "DescribeInstances",
    "DescribeNetworkInterfaces",
    "DescribeSecurityGroups",
    "DescribeSpotInstanceRequests",
    "DescribeVolumes",
    "DescribeInstanceStatus",
];

fn ec2(state: &mut State, asked: &Asked) -> Result<Xml, Refusal> {
    let Some(action) = Action::named(&asked.action) else {
        let message = format!("The action {} is not valid for this web service.", asked.action);
        return Err(Refusal::new("InvalidAction", message));
    };
    let keys = state.keys.clone();
    let region = state.regions.get_mut(asked.region.as_str());
    let region = region.ok_or_else(|| Refusal::new("InvalidAction", "no such region"))?;
    let form = &asked.form;
    let mut call = Call { form, region, keys: keys.as_deref() };
    let whole = form.roots().all(|root| ["Action", "Version", "DryRun"].contains(&root));
    if whole && COUNTED_APART.contains(&action.name) {
        call.spend(&format!("{} of everything", action.name), UNPAGED, 1)?;
    } else {
        call.spend(action.name, action.rate, 1)?;
    }
    if let Some(stranger) = action.stranger(form) {
        let message = format!("The parameter {stranger} is not recognized");
        return Err(Refusal::new("UnknownParameter", message));
    }
    if form.flag("DryRun")? == Some(true) {
        // Done on a copy: everything is checked, and nothing stays.
        let mut copy = call.region.clone();
        copy.rehearsal = true;
        (action.answer)(&mut Call { form, region: &mut copy, keys: keys.as_deref() })?;
        let message = "Request would have succeeded, but DryRun flag is set.";
        return Err(Refusal::with_status(412, "DryRunOperation", message));
    }
    if action.rate == QUERY {
        return (action.answer)(&mut call);
    }
    // All or nothing: what is refused half-way leaves no trace.
    let mut copy = call.region.clone();
    let answered = (action.answer)(&mut Call { form, region: &mut copy, keys: keys.as_deref() });
    if answered.is_ok() {
        *call.region = copy;
    } else {
        call.region.hits = copy.hits;
    }
    answered
}

fn troubled(trouble: Trouble, service: Service, request_id: &str) -> Reply {
    match trouble {
        Trouble::Throttle => Reply::Answer(refused(service, &Refusal::throttled(), request_id)),
        Trouble::Error { status, code, message } => {
            let refusal = Refusal::with_status(status, code, message);
            Reply::Answer(refused(service, &refusal, request_id))
        }
        Trouble::SilenceBefore | Trouble::SilenceAfter => Reply::Silence,
        Trouble::CutBefore | Trouble::CutAfter => Reply::Cut,
        Trouble::Gateway => {
            let page = "<html><body><h1>502 Bad Gateway</h1></body></html>".to_owned();
            Reply::Answer(Answer {
                content_type: "text/html",
                ..Answer::xml(502, page, request_id)
            })
        }
        Trouble::GarbledAfter => {
            Reply::Answer(Answer::xml(200, "<Garbled><unclosed>".to_owned(), request_id))
        }
    }
}

fn refused(service: Service, refusal: &Refusal, request_id: &str) -> Answer {
    match service {
        Service::Sts => services::sts_refusal(refusal, request_id),
        Service::Ssm | Service::Pricing | Service::Quotas | Service::Monitoring => {
            services::ssm_refusal(refusal, request_id)
        }
        Service::Ec2 | Service::Advisor => {
            let mut error = Xml::default();
            error.text("Code", &refusal.code).text("Message", &refusal.message);
            let body = format!(
                "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Response><Errors><Error>{}</Error>\
                 </Errors><RequestID>{request_id}</RequestID></Response>",
                error.into_text()
            );
            let code = Some(refusal.code.to_string());
            Answer { code, ..Answer::xml(refusal.status, body, request_id) }
        }
    }
}
