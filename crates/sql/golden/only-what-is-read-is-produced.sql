SELECT item.size.w, UPPER(item.name)
FROM orders
WHERE tags[1] = 'x' AND made IS NOT NULL;
