### 通知文案，简体中文。键与 en.ftl 一致，由测试比对。
### .short：单向、无链接，含签名不超过 70 字。.full：可回复、可打开链接的地区。.voice：电话播报。

## 警情

sos =
    .short = 急！{ $name }在{ $place }一键呼救，码{ $code }。接听来电按5认领
    .full = 急！{ $name }在{ $place }一键呼救，码{ $code }。回复“ack { $code }”认领 { $link }
    .voice = 紧急情况。{ $name }在{ $place }一键呼救。
sos_contact =
    .short = { $name }在{ $place }附近求助，值守台处置中。请勿致电她本人。码{ $code }
    .full = { $name }在{ $place }附近求助，值守台正在处置。请勿给她打电话或发信息，以免给她带来危险。码{ $code }
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
    .short = { $site }：{ alarm_words }（{ $alarm }）
    .full = { $site }：{ alarm_words }（{ $alarm }）
    .voice = 系统报告{ $site }出现故障。{ alarm_words }。
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

alarm_words = { $alarm ->
    [notice_dead] 发给{ $who }的通知多次失败，已放弃（错误{ $error }），请自行告知
    [number_unreachable] { $who }收不到短信（错误{ $error }），电话照常拨打，请核实或更换号码
    [number_not_ready] { $who }的号码尚未就绪（未验证、已退订或上次短信失败），请用porchlight site check查看全部
    [carrier_refuses_us] 运营商拒绝了本系统的请求（错误{ $error }），请检查账号、密钥、发送号码和余额
    [text_blocked] 发给{ $who }的短信被拦截（错误{ $error }），已改发最简文案，请报备模板
    [responder_stopped] { $who }已回复STOP退订，警情短信也收不到，请让其回复START
    [webhook_disabled] 事件推送地址{ $who }已停用，请检查接收方后重新启用
    [ladder_tier_empty] 升级链有一级无人可通知，请安排值守或补充名单
    [tier_empty] 升级链有一级无人可通知，请补充有号码的人员
    [hasty_resolution] 有警情在一分钟内被判为误报，请主管复核
    [canary_missing] 每日演练的通知没有送达，请立即检查运营商、号码和回执
    [sos_text] { $who }发来求救短信，此人不是技师，请立即回电
    [nobody_on_duty] 无人值守，请登录值守台并上岗
    [nobody_planned] 未来数小时无人排班值守，请安排人员
    [sound_not_tested] 有值守员很久没有试听警报音，请重新试音
    [no_carrier] 短信或电话没有配置运营商，请尽快配置
   *[other] { $detail }
}
repeat_mark = （重发）
place_on_floor = { $place }{ $floor }楼
place_on_ground_floor = { $place }地面层
place_with_floor = { $place } { $floor }
unknown_name = 技师
unknown_place = 地点不明
unknown_time = 约定时间
unknown_site = 分站
unknown_who = 有收件人
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
