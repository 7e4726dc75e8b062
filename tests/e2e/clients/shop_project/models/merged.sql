{{ config(materialized='incremental', table_type='iceberg', incremental_strategy='merge', unique_key='id') }}
select id, customer, price from {{ ref('orders') }}
