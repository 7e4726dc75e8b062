{{ config(materialized='table', partitioned_by=['region']) }}
select id, customer, price, region from {{ ref('orders') }}
