{{ config(materialized='table', format='parquet') }}
select customer as name, count(*) as orders, sum(price) as spent from {{ ref('orders') }} group by customer
