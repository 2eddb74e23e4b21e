### 通知文案，简体中文。键与 en.ftl 一致，由测试比对。
### .short：单向、无链接，含签名不超过 70 字。.full：可回复、可打开链接的地区。.voice：电话播报。

## 警情

sos =
    .short = 急！{ $name }在{ $place }一键呼救，码{ $code }。接听来电按5认领
    .full = 急！{ $name }在{ $place }一键呼救，码{ $code }。回复“ack { $code }”认领 { $link }
    .voice = 紧急情况。{ $name }在{ $place }一键呼救。
sos_contact =
    .short = { $name }在{ $place }附近求助，值守台已处置。请勿致电本人。码{ $code }
    .full = { $name }在{ $place }附近求助，值守台正在处置。请勿致电或发信息给本人，以免危险。码{ $code }
    .voice = { $name }在{ $place }附近求助，值守台正在处置。请不要给她打电话，以免给她带来危险。
sos_drill =
    .short = 演练，非警情。{ $name }，{ $place }，码{ $code }。接听来电按5
    .full = 演练，非警情。{ $name }，{ $place }，码{ $code }。回复“ack { $code }”认领
    .voice = 这是演练，不是真实警情。{ $name }，{ $place }。
sos_exhausted =
    .short = 无人应答！{ $name }在{ $place }呼救，码{ $code }。请立即处置
    .full = 无人应答！{ $name }在{ $place }呼救，码{ $code }。回复“ack { $code }”认领 { $link }
    .voice = 至今无人应答。{ $name }在{ $place }呼救。请立即处置。
sos_over =
    .short = 已解除：{ $name }的警情（码{ $code }）已处置。谢谢
    .full = 已解除：{ $name }的警情（码{ $code }）已处置，无需再行动。谢谢
    .voice = { $name }的警情已解除，无需再行动。谢谢。
helper_wanted =
    .short = 附近同事需要帮助：{ $place }，码{ $code }。请看应用
    .full = 附近同事需要帮助：{ $place }，码{ $code }。请在应用中答复 { $link }
    .voice = 附近有同事在{ $place }需要帮助，请在应用中答复。

## 守护

check_in =
    .short = { $place }的预约：请在应用中确认一切正常
    .full = { $place }的预约：请在应用中确认一切正常
    .voice = 请在应用中确认您的预约一切正常。
check_in_missed =
    .short = 未报平安：{ $name }，{ $place }，码{ $code }。请跟进
    .full = 未报平安：{ $name }，{ $place }，码{ $code }。回复“ack { $code }”认领 { $link }
    .voice = { $name }在{ $place }没有按时报平安，请跟进。
detector =
    .short = 请确认{ $name }，{ $place }：{ $detail }。码{ $code }
    .full = 请确认{ $name }，{ $place }：{ $detail }。码{ $code } { $link }
    .voice = 请确认{ $name }在{ $place }的情况。{ $detail }。

## 分站

operator_alarm =
    .short = { $site }：{ $detail }（{ $alarm }）
    .full = { $site }：{ $detail }（{ $alarm }）
    .voice = 系统报告{ $site }出现故障。{ $detail }
verify_phone =
    .short = 验证码{ $digits }，10分钟内有效，请勿转告他人
    .full = 验证码{ $digits }，10分钟内有效，请勿转告他人
    .voice = 您的验证码是{ $digits }。再说一遍，{ $digits }。
new_device =
    .short = { $name }的账号在新手机登录。非本人请立即联系值守台
    .full = { $name }的账号在新手机登录。非本人请立即联系值守台
    .voice = { $name }的账号在新手机登录。如果不是本人，请立即联系值守台。

shift_end =
    .short = 班次即将结束。仍在工作请在应用中延长
    .full = 班次即将结束。仍在工作请在应用中延长
    .voice = 您的班次即将结束。如仍在工作，请在应用中延长。
shift_closed =
    .short = 系统已为您下线，不再记录位置
    .full = 系统已为您下线，不再记录位置
    .voice = 系统已为您下线，不再记录位置。

## 上门单

visit_booked =
    .short = { $name }将于{ $time }上门。请在应用中查看行程
    .full = { $name }将于{ $time }上门。查看行程：{ $link }
    .voice = { $name }将于{ $time }上门。
visit_departed =
    .short = { $name }已出发，预计{ $time }到达
    .full = { $name }已出发，预计{ $time }到达。查看：{ $link }
    .voice = { $name }已出发，预计{ $time }到达。
visit_arriving =
    .short = { $name }几分钟后到达。门口核对码{ $door_code }
    .full = { $name }几分钟后到达。门口核对码{ $door_code } { $link }
    .voice = { $name }几分钟后到达。
visit_late =
    .short = 抱歉，{ $name }有延误，预计{ $time }到达
    .full = 抱歉，{ $name }有延误，预计{ $time }到达 { $link }
    .voice = 抱歉，{ $name }有延误，预计{ $time }到达。
visit_cancelled =
    .short = { $time }的上门单已取消
    .full = { $time }的上门单已取消 { $link }
    .voice = { $time }的上门单已取消。
visit_receipt =
    .short = 上门车费{ $amount }，凭单见应用。谢谢
    .full = 上门车费{ $amount }，凭单：{ $link }
    .voice = 您的上门车费是{ $amount }。

## 周围的话

repeat_mark = （重发）
place_on_floor = { $place }{ $floor }楼
place_on_ground_floor = { $place }地面层
place_with_floor = { $place } { $floor }
unknown_name = 技师
unknown_place = 地点不明
unknown_time = 约定时间
unknown_site = 分站
unknown_other = -
voice_press = 认领请按5。
voice_code = 编码是{ $code }。确认请再按5。
voice_owned = 已由您负责，谢谢。请立即查看值守台。
voice_already = 同事已经负责，谢谢。
voice_refused = 您不能认领此警情，正在联系其他人。
voice_gone = 此事已经结束，谢谢。
voice_bye = 没有收到按键，我们将联系下一位。
voice_once_more = 再说一遍。
reply_owned = { $code }已由您负责，谢谢。请立即查看值守台
reply_already = { $code }已有同事负责，谢谢
reply_refused = 您不能认领{ $code }，正在联系其他人
reply_gone = 没有您可认领的{ $code }
reply_sos = 已收到，值守台正在处置
