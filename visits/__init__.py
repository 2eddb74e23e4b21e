"""Sites, people, shifts, visits and their stages: who works when, who goes where, and whose credential opens what.

A visit: `http_visits` > `visit_flow` [`stage`, `visit`, `arrival`, `door_code` > `sql_visits` + `StageChanged`]. A credential:
`http_authenticator` > `access_flow` [`credential`].
"""
