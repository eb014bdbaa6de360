NAME model
ROWS
 N  OBJ
 L  most    
 E  range   
 L  product 
COLUMNS
    MARKER    'MARKER'                 'INTORG'
    x[0]      OBJ       -1.5
    x[0]      most      1
    x[0]      range     1
    x[1]      OBJ       3
    x[1]      most      1
    x[1]      range     2
    x[2]      most      1
    g         OBJ       1.5
    g         range     -1
    g         product   1
    MARKER    'MARKER'                 'INTEND'
    fixed     OBJ       3
    Rgrange   range     1
RHS
    RHS1      OBJ       -2
    RHS1      most      2
    RHS1      range     2
    RHS1      product   1
BOUNDS
 BV BND1      x[0]    
 BV BND1      x[1]    
 BV BND1      x[2]    
 UP BND1      g         1
 FX BND1      fixed     1
 UP BND1      Rgrange   3
QUADOBJ
    x[0]      x[1]      4
    x[1]      x[2]      -5
    x[2]      x[2]      4
QCMATRIX   product 
    x[0]      x[2]      0.5
    x[2]      x[0]      0.5
ENDATA
