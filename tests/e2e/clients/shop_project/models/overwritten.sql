{{ config(materialized='incremental', incremental_strategy='insert_overwrite', partitioned_by=['region']) }}
select id, price, region from {{ ref('orders') }}
{% if is_incremental() %} where region = 'north' {% endif %}
