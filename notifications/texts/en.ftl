### Texts of notices, English. The same keys as zh-CN.ftl; a test compares them.
### .short: one-way and without link; at most 70 characters with UCS-2. .full: where people can answer and open links. .voice: spoken.

## Emergency

sos =
    .short = SOS { $name }, { $place }. Code { $code }. Press 5 when called
    .full = EMERGENCY { $name } at { $place }. Code { $code }. Reply "ack { $code }" to take it. { $link }
    .voice = Emergency. { $name } has called for help at { $place }.
sos_contact =
    .short = { $name }, { $place }: help called. Do not phone her. { $code }
    .full = { $name } asked for help near { $place }. Our desk is acting. Please do not call or text her: it may put her in danger. Ref { $code }
    .voice = { $name } has asked for help near { $place }. Our safety desk is acting. Please do not call her, it may put her in danger.
sos_drill =
    .short = DRILL { $name }, { $place }. Code { $code }. Press 5 when called
    .full = DRILL, no emergency. { $name }, { $place }. Code { $code }. Reply "ack { $code }" to take it.
    .voice = This is a drill. No emergency. { $name }, { $place }.
sos_exhausted =
    .short = NO ANSWER YET: { $name }, { $place }. Code { $code }. Act now
    .full = NOBODY ANSWERS: { $name } at { $place } needs help. Code { $code }. Reply "ack { $code }" to take it. { $link }
    .voice = Nobody has answered yet. { $name } needs help at { $place }. Please act now.
sos_over =
    .short = Over: { $name }, code { $code }. Thank you
    .full = Over: the emergency of { $name } (code { $code }) is closed. Nothing more to do. Thank you.
    .voice = The emergency of { $name } is over. Nothing more to do. Thank you.
helper_wanted =
    .short = Help needed: { $place }. Code { $code }. See the app
    .full = A colleague near you needs help: { $place }. Code { $code }. Answer in the app: { $link }
    .voice = A colleague near you needs help at { $place }. Please answer in the app.

## Watching over

check_in =
    .short = Your appointment at { $place }: please confirm in the app that all is in order.
    .full = Your appointment at { $place }: please confirm in the app that all is in order.
    .voice = Please confirm in the app that your appointment is in order.
check_in_missed =
    .short = No check-in: { $name } at { $place }. Code { $code }. Please look after it.
    .full = No check-in: { $name } at { $place }. Code { $code }. Reply "ack { $code }" to take it. { $link }
    .voice = { $name } has not checked in at { $place }. Please look after it.
detector =
    .short = Check on { $name }, { $place }: { $detail }. Code { $code }
    .full = Check on { $name }, { $place }: { $detail }. Code { $code }. { $link }
    .voice = Please check on { $name } at { $place }. { $detail }.

## The site

operator_alarm =
    .short = { $site }: { alarm_words } ({ $alarm })
    .full = { $site }: { alarm_words } ({ $alarm })
    .voice = Porchlight reports a fault at { $site }. { alarm_words }
verify_phone =
    .short = Your code is { $digits }. It is valid for 10 minutes. Do not pass it on.
    .full = Your code is { $digits }. It is valid for 10 minutes. Do not pass it on.
    .voice = Your code is { $digits }. Once more: { $digits }.
new_device =
    .short = A new phone was signed in for { $name }. Not you? Tell the desk now.
    .full = A new phone was signed in for { $name }. Not you? Tell the desk now.
    .voice = A new phone was signed in for { $name }. If that was not you, tell the desk now.

shift_end =
    .short = Your shift ends soon. Still working? Extend it in the app.
    .full = Your shift ends soon. Still working? Extend it in the app.
    .voice = Your shift ends soon. If you still work, extend it in the app.
shift_closed =
    .short = Your shift was closed by the hub. Your place is no longer recorded.
    .full = Your shift was closed by the hub. Your place is no longer recorded.
    .voice = Your shift was closed. Your place is no longer recorded.

## Visits

visit_booked =
    .short = { $name } will visit you on { $time }. Track the way in the app.
    .full = { $name } will visit you on { $time }. Follow the way: { $link }
    .voice = { $name } will visit you on { $time }.
visit_departed =
    .short = { $name } is on the way and arrives about { $time }.
    .full = { $name } is on the way and arrives about { $time }. Follow: { $link }
    .voice = { $name } is on the way and arrives about { $time }.
visit_arriving =
    .short = { $name } arrives in a few minutes. Door code { $door_code }.
    .full = { $name } arrives in a few minutes. Door code { $door_code }. { $link }
    .voice = { $name } arrives in a few minutes.
visit_late =
    .short = { $name } is delayed and now arrives about { $time }. Sorry.
    .full = { $name } is delayed and now arrives about { $time }. Sorry. { $link }
    .voice = { $name } is delayed and arrives about { $time }.
visit_cancelled =
    .short = The visit on { $time } is cancelled.
    .full = The visit on { $time } is cancelled. { $link }
    .voice = The visit on { $time } is cancelled.
visit_receipt =
    .short = Travel fare { $amount }. Receipt in the app. Thank you.
    .full = Travel fare { $amount }. Receipt: { $link }
    .voice = Your travel fare is { $amount }.

## Words around them

alarm_words = { $detail }
repeat_mark = (again)
place_on_floor = { $place }, floor { $floor }
place_on_ground_floor = { $place }, ground floor
place_with_floor = { $place }, { $floor }
unknown_name = A technician
unknown_place = place unknown
unknown_time = the agreed time
unknown_site = The site
unknown_who = a recipient
unknown_other = -
voice_press = To take it, press 5.
voice_code = The code is { $code }. To confirm, press 5 now.
voice_owned = It is yours. Thank you. Look at the console now.
voice_already = A colleague has it already. Thank you.
voice_refused = You cannot take this one. Others are being called.
voice_gone = This is over already. Thank you.
voice_bye = No key was pressed. We call the next person.
voice_once_more = I repeat.
reply_owned = { $code } is yours. Thank you. Look at the console now.
reply_already = A colleague has { $code } already. Thank you.
reply_refused = You cannot take { $code }. Others are being told.
reply_gone = There is no open case { $code } for you.
reply_sos = Received. Our desk is acting.
