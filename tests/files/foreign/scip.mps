* SCIP STATISTICS
*   Problem name     : model
*   Variables        : 5 (4 binary, 0 integer, 0 implicit integer, 1 continuous)
*   Constraints      : 3
NAME          model
OBJSENSE
  MAX
ROWS
 N  Obj 
 E  count 
 L  range 
 L  product 
COLUMNS
    INTSTART  'MARKER'                            'INTORG'                           
    x0        Obj                           -1.5  product                          0 
    x0        range                            1  count                            1 
    x1        Obj                              3  product                          0 
    x1        count                            1  range                            2 
    x2        Obj                              0  product                          1 
    x2        count                            1 
    x3        Obj                              1  count                            1 
    INTEND    'MARKER'                            'INTEND'                           
    Constant  Obj                              2 
RHS
    RHS       count                            2  range                            3 
    RHS       product                          1 
RANGES
    RANGE     range                            2 
BOUNDS
 BV Bound     x0                                 
 BV Bound     x1                                 
 BV Bound     x2                                 
 BV Bound     x3                                 
 FX Bound     Constant                         1 
QCMATRIX product
    x0        x1                             0.5 
    x1        x0                             0.5 
ENDATA