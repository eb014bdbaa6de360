NAME        
ROWS
 N  Obj     
 E  count   
 L  range   
COLUMNS
    MARK0000  'MARKER'                 'INTORG'
    z0        Obj       -1.5
    z0        count     1
    z0        range     1
    z1        Obj       3
    z1        count     1
    z1        range     2
    z2        count     1
    whole     Obj       1
    whole     range     -1
    MARK0001  'MARKER'                 'INTEND'
    Constant  Obj       2
RHS
    RHS_V     Obj       -7
    RHS_V     count     2
    RHS_V     range     2
RANGES
    RANGE     range     3
BOUNDS
 BV BOUND     z0      
 BV BOUND     z1      
 BV BOUND     z2      
 BV BOUND     whole   
 FX BOUND     Constant  1
ENDATA
