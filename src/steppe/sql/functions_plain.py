"""Tables of functions over numbers, texts, bytes and URLs; see `functions` for how to read a row."""

# SQL texts stay on one line, and hold user text only as quoted literals and names (see `typed`).
# ruff: noqa: E501, SIM905

from __future__ import annotations

from steppe.sql.functions import Row

NUMBERS: tuple[Row, ...] = (
    ("abs(I) -> I", "abs({0})"),
    ("abs(D) -> D", "abs({0})"),
    ("abs(N) -> N", "abs({0})"),
    ("sign(bigint) -> bigint", "CAST(sign({0}) AS BIGINT)"),
    ("sign(D) -> decimal(1,0)", "CAST(sign({0}) AS DECIMAL(1,0))"),
    ("sign(double) -> double", "CASE WHEN isnan({0}) THEN {0} ELSE CAST(sign({0}) AS DOUBLE) END"),
    ("ceil(I) -> I", "{0}"), ("ceiling(I) -> I", "{0}"), ("floor(I) -> I", "{0}"),
    ("ceil(double) -> double", "ceil({0})"), ("ceiling(double) -> double", "ceil({0})"),
    ("floor(double) -> double", "floor({0})"),
    ("truncate(double) -> double", "trunc({0})"),
    ("sqrt(double) -> double", "sqrt({0})"), ("cbrt(double) -> double", "CASE WHEN pow(round(cbrt({0})), 3) = {0} THEN round(cbrt({0})) ELSE cbrt({0}) END"),
    ("exp(double) -> double", "exp({0})"), ("ln(double) -> double", "ln({0})"),
    ("log2(double) -> double", "log2({0})"), ("log10(double) -> double", "log10({0})"),
    ("log(double, double) -> double", "(ln({1}) / ln({0}))"),
    ("power(double, double) -> double", "pow({0}, {1})"), ("pow(double, double) -> double", "pow({0}, {1})"),
    ("sin(double) -> double", "sin({0})"), ("cos(double) -> double", "cos({0})"), ("tan(double) -> double", "tan({0})"),
    ("asin(double) -> double", "asin({0})"), ("acos(double) -> double", "acos({0})"),
    ("atan(double) -> double", "atan({0})"), ("atan2(double, double) -> double", "atan2({0}, {1})"),
    ("sinh(double) -> double", "sinh({0})"), ("cosh(double) -> double", "cosh({0})"),
    ("tanh(double) -> double", "tanh({0})"),
    ("degrees(double) -> double", "degrees({0})"), ("radians(double) -> double", "radians({0})"),
    ("pi() -> double", "pi()"), ("e() -> double", "CAST('2.718281828459045' AS DOUBLE)"),
    ("nan() -> double", "CAST('nan' AS DOUBLE)"), ("infinity() -> double", "CAST('inf' AS DOUBLE)"),
    ("is_nan(double) -> boolean", "isnan({0})"), ("is_finite(double) -> boolean", "isfinite({0})"),
    ("is_infinite(double) -> boolean", "isinf({0})"),
    ("bit_count(bigint, bigint) -> bigint", "py_bit_count({0}, {1})"),
    *((f"bitwise_{name}({kind}, bigint) -> {kind}", f"CAST(py_{own}({{0}}, {{1}}, {bits}) AS {kind.upper()})")
      for kind, bits in (("tinyint", 8), ("smallint", 16), ("integer", 32), ("bigint", 64))
      for name, own in (("left_shift", "shift_left"), ("right_shift", "shift_right"), ("right_shift_arithmetic", "shift_arithmetic"))),
    ("width_bucket(double, array(double)) -> bigint", "py_width_bucket({0}, {1})"),
    *((f"{name}(double, double, double) -> double", f"py_{name}({{0}}, {{1}}, {{2}})")
      for name in ("beta_cdf", "inverse_beta_cdf", "normal_cdf", "inverse_normal_cdf")),
    ("wilson_interval_lower(bigint, bigint, double) -> double", "py_wilson_lower({0}, {1}, {2})"),
    ("wilson_interval_upper(bigint, bigint, double) -> double", "py_wilson_upper({0}, {1}, {2})"),
    ("cosine_similarity(map(varchar, double), map(varchar, double)) -> double", "py_cosine_maps({0}, {1})"),
    ("cosine_similarity(array(double), array(double)) -> double", "py_cosine_arrays({0}, {1})"),
    ("truncate(double, bigint) -> double", "py_truncate({0}, {1})"),
    ("random() -> double", "random()"), ("rand() -> double", "random()"),
    ("bitwise_and(bigint, bigint) -> bigint", "({0} & {1})"), ("bitwise_or(bigint, bigint) -> bigint", "({0} | {1})"),
    ("bitwise_xor(bigint, bigint) -> bigint", "xor({0}, {1})"), ("bitwise_not(bigint) -> bigint", "(~{0})"),
    ("from_base(varchar, bigint) -> bigint",
     "CASE WHEN regexp_full_match({0}, '[+-]?[0-9]+') AND {1} = 10 THEN CAST({0} AS BIGINT) "
     "WHEN {0} IS NOT NULL AND {1} IS NOT NULL THEN list_reduce(list_prepend(CAST(0 AS BIGINT), list_transform("
     "string_split(lower(ltrim({0}, '+-')), ''), lambda c: CASE WHEN instr(left('0123456789abcdefghijklmnopqrstuvwxyz', "
     "CAST({1} AS INTEGER)), c) > 0 THEN CAST(instr('0123456789abcdefghijklmnopqrstuvwxyz', c) - 1 AS BIGINT) ELSE "
     "([])[CAST(CAST(concat('!INVALID_FUNCTION_ARGUMENT: Not a valid base-', {1}, ' number: ', {0}) AS BOOLEAN) AS INTEGER)] END)), "
     "lambda s, d: s * {1} + d) * (CASE WHEN left({0}, 1) = '-' THEN -1 ELSE 1 END) END"),
    ("to_base(bigint, bigint) -> varchar",
     "(CASE WHEN {0} < 0 THEN '-' ELSE '' END || lower(to_base(abs({0}), CAST({1} AS INTEGER))))"),
    ("width_bucket(double, double, double, bigint) -> bigint",
     "CASE WHEN {1} < {2} THEN CASE WHEN {0} < {1} THEN 0 WHEN {0} >= {2} THEN {3} + 1 ELSE "
     "CAST(floor({3} * ({0} - {1}) / ({2} - {1})) AS BIGINT) + 1 END WHEN {1} > {2} THEN CASE WHEN {0} > {1} THEN 0 "
     "WHEN {0} <= {2} THEN {3} + 1 ELSE CAST(floor({3} * ({1} - {0}) / ({1} - {2})) AS BIGINT) + 1 END END"),
)  # fmt: skip

TEXTS: tuple[Row, ...] = (
    ("length(varchar) -> bigint", "CAST(length({0}) AS BIGINT)"),
    ("length(varbinary) -> bigint", "CAST(octet_length({0}) AS BIGINT)"),
    ("lower(varchar) -> varchar", "lower({0})"), ("upper(varchar) -> varchar", "replace(upper(replace({0}, 'ß', chr(57344))), chr(57344), 'ß')"),
    ("reverse(varchar) -> varchar", "array_to_string(list_reverse(regexp_extract_all({0}, '(?s).')), '')"),
    ("reverse(varbinary) -> varbinary", "py_reverse_bytes({0})"),
    ("reverse(array(T)) -> array(T)", "list_reverse({0})"),
    ("concat(varbinary...) -> varbinary", "array_blob({*})"),
    ("replace(varchar, varchar) -> varchar", "CASE WHEN {1} = '' THEN {0} ELSE replace({0}, {1}, '') END"),
    ("replace(varchar, varchar, varchar) -> varchar",
     "CASE WHEN {1} = '' THEN {2} || regexp_replace({0}, '(?s)(.)', '\\1' || replace({2}, '\\', '\\\\'), 'g') ELSE replace({0}, {1}, {2}) END"),
    ("strpos(varchar, varchar) -> bigint", "CAST(CASE WHEN {1} = '' THEN CASE WHEN {0} IS NOT NULL THEN 1 END ELSE instr({0}, {1}) END AS BIGINT)"),
    ("strpos(varchar, varchar, bigint) -> bigint", "py_strpos({0}, {1}, {2})"),
    ("position(varchar, varchar) -> bigint", "CAST(CASE WHEN {0} = '' THEN CASE WHEN {1} IS NOT NULL THEN 1 END ELSE instr({1}, {0}) END AS BIGINT)"),
    ("starts_with(varchar, varchar) -> boolean", "starts_with({0}, {1})"),
    ("chr(bigint) -> varchar", "chr(CAST({0} AS INTEGER))"),
    ("codepoint(varchar) -> integer", "CAST(unicode({0}) AS INTEGER)"),
    ("trim(varchar) -> varchar", "regexp_replace(regexp_replace({0}, '^[\\s]+', ''), '[\\s]+$', '')"),
    ("ltrim(varchar) -> varchar", "regexp_replace({0}, '^[\\s]+', '')"),
    ("rtrim(varchar) -> varchar", "regexp_replace({0}, '[\\s]+$', '')"),
    ("trim(varchar, varchar) -> varchar", "trim({0}, {1})"), ("ltrim(varchar, varchar) -> varchar", "ltrim({0}, {1})"),
    ("rtrim(varchar, varchar) -> varchar", "rtrim({0}, {1})"),
    ("substr(varchar, bigint) -> varchar",
     "CASE WHEN {1} > 0 THEN substr({0}, {1}) WHEN {1} < 0 AND -({1}) <= length({0}) THEN right({0}, -({1})) WHEN {0} IS NOT NULL AND {1} IS NOT NULL THEN '' END"),
    ("substr(varchar, bigint, bigint) -> varchar",
     "CASE WHEN {2} <= 0 AND {0} IS NOT NULL AND {1} IS NOT NULL THEN '' WHEN {1} > 0 THEN substr({0}, {1}, {2}) "
     "WHEN {1} < 0 AND -({1}) <= length({0}) THEN left(right({0}, -({1})), {2}) WHEN {0} IS NOT NULL AND {1} IS NOT NULL AND {2} IS NOT NULL THEN '' END"),
    ("split(varchar, varchar) -> array(varchar)",
     "CASE WHEN {1} = '' THEN ([])[CAST(CAST('!INVALID_FUNCTION_ARGUMENT: The delimiter may not be the empty string' AS BOOLEAN) AS INTEGER)] ELSE string_split({0}, {1}) END"),
    ("split(varchar, varchar, bigint) -> array(varchar)",
     "CASE WHEN {2} <= 0 THEN ([])[CAST(CAST('!INVALID_FUNCTION_ARGUMENT: Limit must be positive' AS BOOLEAN) AS INTEGER)] "
     "WHEN len(string_split({0}, {1})) <= {2} THEN string_split({0}, {1}) ELSE list_append(list_slice(string_split({0}, {1}), 1, {2} - 1), "
     "array_to_string(list_slice(string_split({0}, {1}), {2}, len(string_split({0}, {1}))), {1})) END"),
    ("split_part(varchar, varchar, bigint) -> varchar", "CASE WHEN {2} > 0 AND {1} <> '' THEN string_split({0}, {1})[{2}] ELSE py_split_part({0}, {1}, {2}) END"),
    ("lpad(varchar, bigint, varchar) -> varchar", "py_lpad({0}, {1}, {2})"),
    ("lpad(varbinary, bigint, varbinary) -> varbinary", "py_lpad_bytes({0}, {1}, {2})"),
    ("rpad(varchar, bigint, varchar) -> varchar", "py_rpad({0}, {1}, {2})"),
    ("rpad(varbinary, bigint, varbinary) -> varbinary", "py_rpad_bytes({0}, {1}, {2})"),
    ("translate(varchar, varchar, varchar) -> varchar", "py_translate({0}, {1}, {2})"),
    ("levenshtein_distance(varchar, varchar) -> bigint", "CAST(levenshtein({0}, {1}) AS BIGINT)"),
    ("hamming_distance(varchar, varchar) -> bigint",
     "CASE WHEN length({0}) <> length({1}) THEN ([])[CAST(CAST('!INVALID_FUNCTION_ARGUMENT: The input strings to hamming_distance function must have the same length' AS BOOLEAN) AS INTEGER)] "
     "WHEN length({0}) = 0 THEN 0 ELSE CAST(hamming({0}, {1}) AS BIGINT) END"),
    ("luhn_check(varchar) -> boolean",
     "CASE WHEN {0} = '' THEN false WHEN {0} IS NOT NULL AND NOT regexp_full_match({0}, '[0-9]*') THEN "
     "([])[CAST(CAST('!INVALID_FUNCTION_ARGUMENT: Input contains non-digit characters' AS BOOLEAN) AS INTEGER)] ELSE list_sum(list_transform(string_split(reverse({0}), ''), "
     "lambda c, i: CASE WHEN i % 2 = 1 THEN CAST(c AS INTEGER) WHEN CAST(c AS INTEGER) > 4 THEN CAST(c AS INTEGER) * 2 - 9 ELSE CAST(c AS INTEGER) * 2 END)) % 10 = 0 END"),
    ("normalize(varchar, varchar) -> varchar", "py_normalize({0}, {1})"),
    ("concat_ws(varchar, array(varchar)) -> varchar", "CASE WHEN {0} IS NOT NULL AND {1} IS NOT NULL THEN array_to_string(list_filter({1}, lambda x: x IS NOT NULL), {0}) END"),
    ("concat_ws(varchar, varchar...) -> varchar", "CASE WHEN {0} IS NOT NULL THEN concat_ws({*}) END"),
    ("uuid() -> uuid", "uuid()"),
    ("substr(varbinary, bigint) -> varbinary", "py_substr_bytes({0}, {1}, CAST(2147483647 AS BIGINT))"),
    ("substr(varbinary, bigint, bigint) -> varbinary", "py_substr_bytes({0}, {1}, {2})"),
    ("soundex(varchar) -> varchar", "py_soundex({0})"), ("char2hexint(varchar) -> varchar", "py_char2hexint({0})"),
    ("format_number(bigint) -> varchar", "py_format_number({0})"),
    ("format_number(double) -> varchar", "py_format_number(CAST(trunc({0}) AS BIGINT))"),
    ("parse_data_size(varchar) -> decimal(38,0)", "py_parse_data_size({0})"),
    ("parse_presto_data_size(varchar) -> decimal(38,0)", "py_parse_data_size({0})"),
    ("parse_duration(varchar) -> interval day to second", "py_parse_duration({0})"),
    ("split_to_multimap(varchar, varchar, varchar) -> map(varchar, array(varchar))", "py_split_to_multimap({0}, {1}, {2})"),
)  # fmt: skip

BYTES: tuple[Row, ...] = (
    ("to_utf8(varchar) -> varbinary", "encode({0})"),
    ("from_utf8(varbinary) -> varchar", "py_from_utf8({0}, chr(65533))"),
    ("from_utf8(varbinary, varchar) -> varchar", "py_from_utf8({0}, {1})"),
    ("from_utf8(varbinary, bigint) -> varchar", "py_from_utf8({0}, chr(CAST({1} AS INTEGER)))"),
    ("to_hex(varbinary) -> varchar", "upper(hex({0}))"),
    ("from_hex(varchar) -> varbinary",
     "CASE WHEN {0} IS NOT NULL AND NOT regexp_full_match({0}, '([0-9a-fA-F][0-9a-fA-F])*') THEN ([])[CAST(CAST('!INVALID_FUNCTION_ARGUMENT: Input string is not hexadecimal' AS BOOLEAN) AS INTEGER)] ELSE unhex({0}) END"),
    ("to_base64(varbinary) -> varchar", "to_base64({0})"),
    ("from_base64(varchar) -> varbinary", "py_from_base64({0})"),
    ("md5(varbinary) -> varbinary", "unhex(md5({0}))"),
    ("sha1(varbinary) -> varbinary", "unhex(sha1({0}))"),
    ("sha256(varbinary) -> varbinary", "unhex(sha256({0}))"),
    *((f"{name}(varbinary) -> varbinary", f"py_{name}({{0}})") for name in ("sha512", "xxhash64", "murmur3")),
    *((f"{name}(varbinary, varbinary) -> varbinary", f"py_{name}({{0}}, {{1}})")
      for name in ("hmac_md5", "hmac_sha1", "hmac_sha256", "hmac_sha512")),
    ("crc32(varbinary) -> bigint", "py_crc32({0})"),
    ("to_base32(varbinary) -> varchar", "py_to_base32({0})"), ("from_base32(varchar) -> varbinary", "py_from_base32({0})"),
    ("to_base64url(varbinary) -> varchar", "py_to_base64url({0})"), ("from_base64url(varchar) -> varbinary", "py_from_base64url({0})"),
    ("to_big_endian_64(bigint) -> varbinary", "py_to_big_endian_64({0})"), ("from_big_endian_64(varbinary) -> bigint", "py_from_big_endian_64({0})"),
    ("to_big_endian_32(integer) -> varbinary", "py_to_big_endian_32({0})"), ("from_big_endian_32(varbinary) -> integer", "py_from_big_endian_32({0})"),
    ("to_ieee754_64(double) -> varbinary", "py_to_ieee754_64({0})"), ("from_ieee754_64(varbinary) -> double", "py_from_ieee754_64({0})"),
    ("to_ieee754_32(real) -> varbinary", "py_to_ieee754_32({0})"), ("from_ieee754_32(varbinary) -> real", "py_from_ieee754_32({0})"),
)  # fmt: skip

URLS: tuple[Row, ...] = (
    *(
        (f"url_extract_{part}(varchar) -> varchar", f"py_url_{part}({{0}})")
        for part in ("protocol", "host", "path", "query", "fragment")
    ),
    ("url_extract_port(varchar) -> bigint", "py_url_port({0})"),
    ("url_extract_parameter(varchar, varchar) -> varchar", "py_url_parameter({0}, {1})"),
    ("url_encode(varchar) -> varchar", "py_url_encode({0})"),
    ("url_decode(varchar) -> varchar", "py_url_decode({0})"),
)

WINDOW_FUNCTIONS: tuple[Row, ...] = (
    ("row_number() -> bigint", "(row_number(){w})"), ("rank() -> bigint", "(rank(){w})"),
    ("dense_rank() -> bigint", "(dense_rank(){w})"), ("percent_rank() -> double", "(percent_rank(){w})"),
    ("cume_dist() -> double", "(cume_dist(){w})"), ("ntile(bigint) -> bigint", "(ntile({0}){w})"),
    ("first_value(T) -> T", "(first_value({0}{i}){w})"), ("last_value(T) -> T", "(last_value({0}{i}){w})"),
    ("nth_value(T, bigint) -> T", "(nth_value({0}, {1}{i}){w})"),
    ("lag(T) -> T", "(lag({0}{i}){w})"), ("lag(T, bigint) -> T", "(lag({0}, {1}{i}){w})"),
    ("lag(T, bigint, T) -> T", "(lag({0}, {1}, {2}{i}){w})"),
    ("lead(T) -> T", "(lead({0}{i}){w})"), ("lead(T, bigint) -> T", "(lead({0}, {1}{i}){w})"),
    ("lead(T, bigint, T) -> T", "(lead({0}, {1}, {2}{i}){w})"),
)  # fmt: skip

_SKEW_N = "CAST(count({0}){f}{w} AS DOUBLE)"

AGGREGATES: tuple[Row, ...] = (
    ("count() -> bigint", "CAST(count(*){f}{w} AS BIGINT)"),
    ("count(T) -> bigint", "CAST(count({d}{0}){f}{w} AS BIGINT)"),
    ("count_if(boolean) -> bigint", "CAST(count(CASE WHEN {0} THEN 1 END){f}{w} AS BIGINT)"),
    ("sum(I) -> bigint", "CAST(sum({d}{0}){f}{w} AS BIGINT)"),
    ("sum(double) -> double", "(sum({d}{0}){f}{w})"),
    ("avg(bigint) -> double", "(avg({d}{0}){f}{w})"),
    ("avg(double) -> double", "(avg({d}{0}){f}{w})"),
    ("bool_and(boolean) -> boolean", "(bool_and({0}){f}{w})"), ("every(boolean) -> boolean", "(bool_and({0}){f}{w})"),
    ("bool_or(boolean) -> boolean", "(bool_or({0}){f}{w})"),
    ("array_agg(T) -> array(T)", "(array_agg({d}{0}{o}){f}{w})"),
    ("arbitrary(T) -> T", "(any_value({0}){f}{w})"), ("any_value(T) -> T", "(any_value({0}){f}{w})"),
    # Exact counts lie within the error that the documentation grants the approximation.
    ("approx_distinct(T) -> bigint", "CAST(count(DISTINCT {0}){f}{w} AS BIGINT)"),
    ("approx_distinct(T, double) -> bigint", "CAST(count(DISTINCT {0}){f}{w} AS BIGINT)"),
    ("geometric_mean(double) -> double", "exp(avg(ln({0})){f}{w})"),
    ("stddev(double) -> double", "(stddev_samp({d}{0}){f}{w})"), ("stddev_samp(double) -> double", "(stddev_samp({d}{0}){f}{w})"),
    ("stddev_pop(double) -> double", "(stddev_pop({d}{0}){f}{w})"),
    ("variance(double) -> double", "(var_samp({d}{0}){f}{w})"), ("var_samp(double) -> double", "(var_samp({d}{0}){f}{w})"),
    ("var_pop(double) -> double", "(var_pop({d}{0}){f}{w})"),
    ("corr(double, double) -> double", "(corr({0}, {1}){f}{w})"),
    ("covar_pop(double, double) -> double", "(covar_pop({0}, {1}){f}{w})"),
    ("covar_samp(double, double) -> double", "(covar_samp({0}, {1}){f}{w})"),
    ("regr_slope(double, double) -> double", "(regr_slope({0}, {1}){f}{w})"),
    ("regr_intercept(double, double) -> double", "(regr_intercept({0}, {1}){f}{w})"),
    ("skewness(double) -> double", f"(skewness({{0}}){{f}}{{w}} * ({_SKEW_N} - 2) / sqrt({_SKEW_N} * ({_SKEW_N} - 1)))"),
    ("kurtosis(double) -> double", "(kurtosis({0}){f}{w})"),
    ("bitwise_and_agg(bigint) -> bigint", "(bit_and({0}){f}{w})"),
    ("bitwise_or_agg(bigint) -> bigint", "(bit_or({0}){f}{w})"),
    ("bitwise_xor_agg(bigint) -> bigint", "(bit_xor({0}){f}{w})"),
    ("listagg(varchar) -> varchar", "(string_agg({d}{0}, ''{o}){f}{w})"),
    ("listagg(varchar, varchar) -> varchar", "(string_agg({d}{0}, {1}{o}){f}{w})"),
)  # fmt: skip

KNOWN_TO_TRINO = frozenset(
    """
approx_most_frequent approx_set array_histogram bar bing_tile bing_tile_at beta_cdf binomial_cdf bit_count
bitwise_left_shift bitwise_right_shift bitwise_right_shift_arithmetic bootstrap cauchy_cdf char2hexint checksum
chi_squared_cdf classify color combinations concat contains_sequence convex_hull_agg cosine_distance
cosine_similarity crc32 date_format date_parse empty_approx_set euclidean_distance evaluate_classifier_predictions
f_cdf format format_datetime format_number from_base32 from_base64url from_big_endian_32 from_big_endian_64
from_encoded_polyline from_geojson_geometry from_ieee754_32 from_ieee754_64 from_iso8601_timestamp_nanos
from_unixtime_nanos gamma_cdf geometry_from_hadoop_shape geometry_to_bing_tiles geometry_union geometry_union_agg
great_circle_distance hash_counts hmac_md5 hmac_sha1 hmac_sha256 hmac_sha512 human_readable_seconds
intersection_cardinality inverse_beta_cdf inverse_normal_cdf is_json_scalar jaccard_index json_array json_array_contains
json_array_get json_arrayagg json_exists json_format json_object json_objectagg json_query json_size json_value
kurtosis laplace_cdf last_day_of_month learn_classifier learn_libsvm_classifier line_interpolate_point line_locate_point
listagg logistic_cdf make_set_digest map_union merge merge_set_digest mod multimap_agg murmur3 ngrams normal_cdf normalize
numeric_histogram objectid objectid_timestamp parse_data_size parse_datetime parse_duration parse_presto_data_size
poisson_cdf qdigest_agg quantile_at_value quantiles_at_values random reduce_agg regexp_count regexp_extract
regexp_extract_all regexp_like regexp_position regexp_replace regexp_split render rgb sequence sha512 shuffle simplify_geometry
soundex spatial_partitioning spooky_hash_v2_32 spooky_hash_v2_64 st_area st_asbinary st_astext st_boundary st_buffer
st_centroid st_contains st_convexhull st_coorddim st_crosses st_difference st_dimension st_disjoint st_distance
st_endpoint st_envelope st_envelopeaspts st_equals st_exteriorring st_geometries st_geometryfromtext st_geometryn
st_geometrytype st_geomfrombinary st_interiorringn st_interiorrings st_intersection st_intersects st_isclosed st_isempty
st_isring st_issimple st_isvalid st_length st_linefromtext st_linestring st_multipoint st_numgeometries st_numinteriorring
st_numpoints st_overlaps st_point st_pointn st_points st_polygon st_relate st_startpoint st_symdifference st_touches st_union
st_within st_x st_xmax st_xmin st_y st_ymax st_ymin t_cdf tdigest_agg theta_sketch_estimate theta_sketch_union
timezone_hour timezone_minute to_base32 to_base64url to_big_endian_32 to_big_endian_64 to_encoded_polyline
to_geojson_geometry to_geometry to_ieee754_32 to_ieee754_64 to_milliseconds to_spherical_geography trim_array typeof
url_decode url_encode url_extract_fragment url_extract_parameter url_extract_path url_extract_query value_at_quantile
values_at_quantiles version weibull_cdf wilson_interval_lower wilson_interval_upper with_timezone word_stem xxhash64
zip array_first array_last histogram map_agg min max min_by max_by grouping regr_slope current_time localtime current_user current_role current_path
""".split()
)
"""Functions that Trino has: those without a row in a table here are refused as not supported, not as unknown."""
