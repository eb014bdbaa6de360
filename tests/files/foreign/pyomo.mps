* Source:     Pyomo MPS Writer
* Format:     Free MPS
*
NAME unknown
OBJSENSE
 MIN
ROWS
 N  cost
 E  c_e_count_
 G  r_l_range_
 L  r_u_range_
 E  c_e_ONE_VAR_CONSTANT
COLUMNS
     x(0) cost -1.5
     x(0) c_e_count_ 1
     x(0) r_l_range_ 1
     x(0) r_u_range_ 1
     x(1) cost 3
     x(1) c_e_count_ 1
     x(1) r_l_range_ 2
     x(1) r_u_range_ 2
     x(2) c_e_count_ 1
     y cost 1
     y c_e_count_ 1
     ONE_VAR_CONSTANT cost 2
     ONE_VAR_CONSTANT c_e_ONE_VAR_CONSTANT 1
RHS
     RHS c_e_count_ 2
     RHS r_l_range_ -1
     RHS r_u_range_ 2
     RHS c_e_ONE_VAR_CONSTANT 1
BOUNDS
 BV BOUND x(0)
 BV BOUND x(1)
 BV BOUND x(2)
 LI BOUND y 0
 UI BOUND y 1
QUADOBJ
     x(0) x(0) 2
     x(0) x(1) 4
     x(1) x(2) -5
ENDATA
