select Upper('a') As x, cAsE wHeN true Then 1 eLSE 2 enD as y From (Values (1)) as t (n) Where n = 1;
