"""What the judge of restores (compared_alone) asks PostgreSQL's catalogues for: of each sort of
things a name, then all that is known of it.
"""

from __future__ import annotations

_OURS = "n.nspname not in ('pg_catalog', 'information_schema') and n.nspname !~ '^pg_(toast|temp)'"
_NOT_OF_EXTENSION = (
    "not exists (select from pg_depend x where x.classid = '{0}'::regclass and x.objid = {1}.oid"
    " and x.deptype = 'e')"
)


def _rights(held: str, kind: str, owner: str) -> str:
    """Rights in one order; those that are as they are by themselves are no other for standing
    there.
    """
    return (
        f"(select array_agg(a::text order by a::text)"
        f" from unnest(coalesce({held}, acldefault({kind}, {owner}))) a)"
    )


def _sorted(options: str) -> str:
    """Options, whose order says nothing."""
    return f"(select array_agg(o order by o) from unnest({options}) o)"


_OF_RELATION = """case relkind when 'S' then 's' else 'r' end::"char\""""
STEADY = (
    "set timezone = 'UTC'; set datestyle = 'ISO, YMD'; set intervalstyle = 'postgres';"
    " set extra_float_digits = 3; set bytea_output = 'hex'; set search_path = '';"
    " set row_security = off; set lc_monetary = 'C'; set statement_timeout = 0;"
    " set default_transaction_read_only = off; set quote_all_identifiers = off;"
    " select set_config(name, '0', false) from pg_settings where name = 'transaction_timeout'"
)
# A name of the object, then all that is known of it: one question for each sort of things.
POSTGRES = {
    "database": f"""select 'itself', pg_encoding_to_char(encoding), datcollate, datctype,
 datlocprovider, coalesce(to_jsonb(d) ->> 'datlocale', to_jsonb(d) ->> 'daticulocale'),
 to_jsonb(d) ->> 'daticurules', datconnlimit, datdba::regrole::text,
 {_rights("datacl", "'d'", "datdba")},
 shobj_description(oid, 'pg_database') from pg_database d where datname = current_database()""",
    "set in it": """select coalesce(setrole::regrole::text, ''), setconfig from pg_db_role_setting s
 join pg_database d on d.oid = s.setdatabase where datname = current_database()""",
    "schema": f"""select nspname, nspowner::regrole::text, {_rights("nspacl", "'n'", "nspowner")},
 obj_description(oid, 'pg_namespace') from pg_namespace n where {_OURS}""",
    "relation": f"""select format('%I.%I', nspname, relname), relkind, relpersistence,
 relowner::regrole::text, {_rights("relacl", _OF_RELATION, "relowner")},
 reloptions::text, relreplident, relrowsecurity,
 relforcerowsecurity, relispopulated, obj_description(c.oid, 'pg_class'),
 pg_get_expr(relpartbound, c.oid),
 case when relkind in ('v', 'm') then pg_get_viewdef(c.oid) end,
 case when relkind = 'p' then pg_get_partkeydef(c.oid) end,
 (select array_agg(inhparent::regclass::text order by inhseqno) from pg_inherits
   where inhrelid = c.oid)
 from pg_class c join pg_namespace n on n.oid = relnamespace
 where relkind in ('r', 'p', 'v', 'm', 'S', 'f', 'c')
   and {_OURS} and {_NOT_OF_EXTENSION.format("pg_class", "c")}""",
    "column": f"""select format('%I.%I.%I', nspname, relname, attname), format_type(atttypid,
 atttypmod), attnotnull, attidentity, attgenerated, attcollation::regcollation::text, attstattarget,
 attstorage, attcompression, coalesce(attacl, '{{}}')::text,
 (select array_agg(o order by o) from unnest(attoptions) o
 where o !~ '^pg_attver='), pg_get_expr(adbin, adrelid),
 col_description(c.oid, attnum), row_number() over (partition by c.oid order by attnum)
 from pg_attribute a join pg_class c on c.oid = attrelid join pg_namespace n on n.oid = relnamespace
 left join pg_attrdef on adrelid = c.oid and adnum = attnum
 where attnum > 0 and not attisdropped and relkind in ('r', 'p', 'v', 'm', 'f', 'c')
   and {_OURS} and {_NOT_OF_EXTENSION.format("pg_class", "c")}""",
    "index": f"""select format('%I.%I', nspname, relname), pg_get_indexdef(indexrelid),
 indisvalid, indisclustered, indisreplident from pg_index i join pg_class c on c.oid = indexrelid
 join pg_namespace n on n.oid = relnamespace
 where {_OURS} and {_NOT_OF_EXTENSION.format("pg_class", "c")}""",
    "constraint": f"""select format('%I.%s.%s.%I', nspname, conrelid::regclass, contypid::regtype,
 conname), pg_get_constraintdef(c.oid), convalidated, obj_description(c.oid, 'pg_constraint')
 from pg_constraint c join pg_namespace n on n.oid = connamespace where {_OURS}""",
    "function": f"""select c.oid::regprocedure::text, md5(pg_get_functiondef(c.oid)),
 proowner::regrole::text, {_rights("proacl", "'f'", "proowner")}, obj_description(c.oid, 'pg_proc')
 from pg_proc c join pg_namespace n on n.oid = pronamespace
 where prokind <> 'a' and {_OURS} and {_NOT_OF_EXTENSION.format("pg_proc", "c")}""",
    "aggregate": f"""select c.oid::regprocedure::text, aggtransfn::text, agginitval
 from pg_proc c join pg_aggregate on aggfnoid = c.oid join pg_namespace n on n.oid = pronamespace
 where {_OURS} and {_NOT_OF_EXTENSION.format("pg_proc", "c")}""",
    "type": f"""select c.oid::regtype::text, typtype, typowner::regrole::text,
 {_rights("typacl", "'T'", "typowner")},
 typdefault, typbasetype::regtype::text, (select array_agg(enumlabel order by enumsortorder)
 from pg_enum where enumtypid = c.oid)::text from pg_type c join pg_namespace n on n.oid =
 typnamespace where typtype in ('e', 'd', 'r', 'm', 'b') and {_OURS}
 and {_NOT_OF_EXTENSION.format("pg_type", "c")}""",
    "trigger": """select tgrelid::regclass::text || ' ' || tgname, pg_get_triggerdef(oid), tgenabled
 from pg_trigger where not tgisinternal""",
    "rule": """select ev_class::regclass::text || ' ' || rulename, pg_get_ruledef(oid), ev_enabled
 from pg_rewrite where rulename <> '_RETURN' and oid >= 16384""",
    "policy": """select polrelid::regclass::text || ' ' || polname, polcmd, polpermissive,
 (select array_agg(r::regrole::text) from unnest(polroles) r), pg_get_expr(polqual, polrelid),
 pg_get_expr(polwithcheck, polrelid) from pg_policy""",
    "extension": "select extname, extversion, extnamespace::regnamespace::text from pg_extension",
    "event trigger": """select evtname, evtevent, evtenabled, evttags, evtfoid::regproc::text,
 evtowner::regrole::text from pg_event_trigger""",
    "publication": """select pubname, puballtables, pubinsert, pubupdate, pubdelete, pubtruncate,
 (select array_agg(prrelid::regclass::text order by 1) from pg_publication_rel r
   where prpubid = p.oid), pubviaroot, pubowner::regrole::text,
 (select array_agg(pnnspid::regnamespace::text order by 1) from pg_publication_namespace
   where pnpubid = p.oid), (select array_agg(rowfilter || coalesce(attnames::text, '') order by 1)
   from pg_publication_tables t where t.pubname = p.pubname) from pg_publication p""",
    "subscription": """select subname, subconninfo, subenabled, subpublications
 from pg_subscription s join pg_database d on d.oid = subdbid where datname = current_database()""",
    "foreign server": f"""select srvname, srvtype, srvversion,
 {_sorted("srvoptions")}, srvacl::text,
 fdwname from pg_foreign_server join pg_foreign_data_wrapper w on w.oid = srvfdw""",
    "default rights": """select defaclrole::regrole::text || ' ' || defaclnamespace::text
 || defaclobjtype::text, defaclobjtype, defaclacl::text from pg_default_acl""",
    "collation": f"""select collname, collprovider, collisdeterministic,
 coalesce(to_jsonb(c) ->> 'colllocale', to_jsonb(c) ->> 'colliculocale'),
 to_jsonb(c) ->> 'collicurules' from pg_collation c
 join pg_namespace n on n.oid = collnamespace where {_OURS}""",
    "statistics": "select stxname, pg_get_statisticsobjdef(oid) from pg_statistic_ext",
    "text search": f"""select cfgname, cfgparser::text from pg_ts_config c join pg_namespace n
 on n.oid = cfgnamespace where {_OURS}""",
    "large object": """select oid::text, md5(lo_get(oid)), lomowner::regrole::text, lomacl::text
 from pg_largeobject_metadata""",
    "operator": f"""select c.oid::regoperator::text, oprcode::text from pg_operator c
 join pg_namespace n on n.oid = oprnamespace
 where {_OURS} and {_NOT_OF_EXTENSION.format("pg_operator", "c")}""",
    "cast": "select castsource::regtype || ' ' || casttarget::regtype, castcontext, castmethod,"
    " castfunc::regproc::text from pg_cast where oid >= 16384",
    "comment": """select i.type || ' ' || i.identity, description
 from pg_description d, pg_identify_object(classoid, objoid, objsubid) i
 where objoid >= 16384 or classoid = 'pg_extension'::regclass""",
    "sequence": f"""select format('%I.%I', nspname, relname), seqtypid::regtype::text, seqstart,
 seqincrement, seqmax, seqmin, seqcache, seqcycle, (select refobjid::regclass || ' ' || refobjsubid
 || deptype::text from pg_depend where objid = seqrelid and classid = 'pg_class'::regclass and
 deptype in ('a', 'i')), relpersistence
 from pg_sequence join pg_class c on c.oid = seqrelid join pg_namespace n on n.oid = relnamespace
 where {_OURS}""",
    "inherited column": f"""select format('%I.%I.%I', nspname, relname, attname), attislocal,
 attinhcount from pg_attribute a join pg_class c on c.oid = attrelid
 join pg_namespace n on n.oid = relnamespace
 where attnum > 0 and not attisdropped and relkind in ('r', 'p') and {_OURS}""",
    "place": f"""select format('%I.%I', nspname, relname), relkind, spcname from pg_class c
 join pg_namespace n on n.oid = relnamespace join pg_tablespace t on t.oid = reltablespace
 where {_OURS}""",
    "kept apart": """select m.oid::regclass::text, t.reloptions from pg_class m
 join pg_class t on t.oid = m.reltoastrelid where t.reloptions is not null""",
    "index column": f"""select format('%I.%I.%s', nspname, relname, attnum), attstattarget,
 c.reloptions from pg_attribute join pg_class c on c.oid = attrelid
 join pg_namespace n on n.oid = relnamespace where relkind in ('i', 'I') and {_OURS}
   and (attstattarget >= 0 or c.reloptions is not null)""",
    "statistics of": "select stxname, stxstattarget, stxowner::regrole::text from pg_statistic_ext",
    "wrapper": f"""select fdwname, fdwhandler::regproc::text, {_sorted("fdwoptions")}, fdwacl::text,
 fdwowner::regrole::text from pg_foreign_data_wrapper""",
    "user mapping": f"""select srvname || ' ' || usename, {_sorted("umoptions")}
 from pg_user_mappings""",
    "foreign table": f"""select ftrelid::regclass::text, {_sorted("ftoptions")}, srvname
 from pg_foreign_table
 join pg_foreign_server s on s.oid = ftserver""",
    "foreign column": f"""select attrelid::regclass || ' ' || attname, {_sorted("attfdwoptions")}
 from pg_attribute where attfdwoptions is not null""",
    "operator class": f"""select format('%I.%I', nspname, opcname), opcintype::regtype::text,
 opcdefault, opfname, (select array_agg(amopopr::regoperator::text || amopstrategy order by 1)
 from pg_amop where amopfamily = opcfamily), (select array_agg(amproc::text || amprocnum order by 1)
 from pg_amproc where amprocfamily = opcfamily) from pg_opclass c
 join pg_opfamily f on f.oid = opcfamily join pg_namespace n on n.oid = opcnamespace
 where {_OURS} and {_NOT_OF_EXTENSION.format("pg_opclass", "c")}""",
    "operator family": f"""select format('%I.%I', nspname, opfname), opfowner::regrole::text
 from pg_opfamily c join pg_namespace n on n.oid = opfnamespace
 where {_OURS} and {_NOT_OF_EXTENSION.format("pg_opfamily", "c")}""",
    "operator's": f"""select c.oid::regoperator::text, oprcom::regoperator::text,
 oprrest::text, oprjoin::text from pg_operator c join pg_namespace n on n.oid = oprnamespace
 where {_OURS} and {_NOT_OF_EXTENSION.format("pg_operator", "c")}""",
    "conversion": f"select conname, conproc::text from pg_conversion join pg_namespace n"
    f" on n.oid = connamespace where {_OURS}",
    "language": "select lanname, lanpltrusted, lanacl::text, lanowner::regrole::text"
    " from pg_language",
    "dictionary": f"""select format('%I.%I', nspname, dictname), tmplname, dictinitoption
 from pg_ts_dict c join pg_ts_template t on t.oid = dicttemplate
 join pg_namespace n on n.oid = dictnamespace
 where {_OURS} and {_NOT_OF_EXTENSION.format("pg_ts_dict", "c")}""",
    "words of": f"""select cfgname, (select array_agg(maptokentype || ' ' || mapseqno || ' '
 || mapdict::regdictionary order by maptokentype, mapseqno) from pg_ts_config_map
 where mapcfg = c.oid) from pg_ts_config c join pg_namespace n on n.oid = cfgnamespace
 where {_OURS}""",
    "range": f"""select rngtypid::regtype::text, rngsubtype::regtype::text,
 rngmultitypid::regtype::text, rngsubdiff::text, rngcanonical::text, rngcollation::text
 from pg_range join pg_type c on c.oid = rngtypid join pg_namespace n on n.oid = typnamespace
 where {_OURS}""",
    "template": "select 'itself', datistemplate, datallowconn from pg_database"
    " where datname = current_database()",
}
EMPTY = """select format('%I.%I', nspname, relname) from pg_class c join pg_namespace n
 on n.oid = relnamespace where relkind = 'm' and not relispopulated"""
ROLES = """select rolname, rolsuper, rolinherit, rolcreaterole, rolcreatedb, rolcanlogin,
 rolreplication, rolbypassrls, rolconnlimit, rolvaliduntil, rolpassword,
 (select setconfig from pg_db_role_setting where setrole = r.oid and setdatabase = 0),
 (select array_agg(roleid::regrole::text || admin_option::text
   || coalesce(to_jsonb(m) ->> 'inherit_option', '') || coalesce(to_jsonb(m) ->> 'set_option', '')
   order by 1) from pg_auth_members m where member = r.oid),
 shobj_description(oid, 'pg_authid') from pg_authid r
 where rolname !~ '^pg_' and rolname = any (%s)"""
